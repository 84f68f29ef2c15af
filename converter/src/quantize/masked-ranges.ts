import type { Range } from '../calibrate/range.js';
import type { Graph, Node, TensorId } from '../graph/graph.js';
import { floats } from '../passes/match.js';
import { rangeOf } from './ranges.js';

/** How far below every score a masked one is enough: its share of a softmax is e^-16, under a step of int16. */
const MARGIN = 16;

/** Ops that only move what a softmax reads, or a mask. */
const MOVES = new Set(['RESHAPE', 'TRANSPOSE', 'SQUEEZE', 'EXPAND_DIMS', 'BROADCAST_TO']);

/**
 * Ranges without the large negative numbers by which attention scores are masked before a softmax, by
 * addition or by selection: scores would share their steps with them. What is below the new ranges
 * saturates there. A constant has a range where it is limited, only.
 */
export function limitMasks(
  graph: Graph,
  ranges: ReadonlyMap<TensorId, Range>,
): ReadonlyMap<TensorId, Range> {
  const limited = new Map(ranges);
  const raise = (id: TensorId, least: number): void => {
    const range = knownRange(graph, limited, id);
    if (range !== undefined && range.min < least) limited.set(id, { ...range, min: least });
  };
  for (const softmax of graph.nodes) {
    if (softmax.op !== 'SOFTMAX') continue;
    const { moved, maker } = movedFrom(graph, softmax.inputs[0]!);
    const [scores, mask] = maker === undefined ? [] : operandsOf(graph, limited, maker);
    const range = scores === undefined ? undefined : knownRange(graph, limited, scores);
    if (maker === undefined || mask === undefined || range === undefined) continue;
    const least = range.min - MARGIN;
    for (const id of moved) raise(id, least);
    if (maker.op === 'ADD') limitMask(graph, mask, least - range.max, raise, limited);
  }
  return limited;
}

/** Limits what is added, along the way it comes from and in the constant that it is a multiple of. */
function limitMask(
  graph: Graph,
  mask: TensorId,
  least: number,
  raise: (id: TensorId, least: number) => void,
  ranges: ReadonlyMap<TensorId, Range>,
): void {
  const { moved, maker } = movedFrom(graph, mask);
  for (const id of moved) raise(id, least);
  if (maker?.op !== 'MUL') return;
  const factor = maker.inputs.find((id) => id !== null && floats(graph, id) !== undefined);
  const other = maker.inputs.find((id) => id !== factor);
  const range = other == null ? undefined : knownRange(graph, ranges, other);
  const largest = range && Math.max(-range.min, range.max);
  if (factor != null && largest) raise(factor, least / largest);
}

/** A tensor with all that it is moved from, and the node that made the first of them. */
function movedFrom(
  graph: Graph,
  start: TensorId,
): { readonly moved: readonly TensorId[]; readonly maker: Node | undefined } {
  const moved = [start];
  for (;;) {
    const maker = graph.producer(moved.at(-1)!);
    if (maker === undefined || !MOVES.has(maker.op)) return { moved, maker };
    moved.push(maker.inputs[0]!);
  }
}

/** The scores and the mask among the operands of a node, if one masks the other. */
function operandsOf(
  graph: Graph,
  ranges: ReadonlyMap<TensorId, Range>,
  { op, inputs }: Node,
): readonly [scores?: TensorId, mask?: TensorId] {
  const isSelect = op === 'SELECT' || op === 'SELECT_V2';
  if (op !== 'ADD' && !isSelect) return [];
  const [a, b] = (isSelect ? inputs.slice(1) : inputs) as [TensorId, TensorId];
  const masks = (mask: TensorId, scores: TensorId): boolean => {
    const [low, range] = [knownRange(graph, ranges, mask), knownRange(graph, ranges, scores)];
    if (low === undefined || range === undefined) return false;
    return low.min + (isSelect ? 0 : range.max) < range.min - MARGIN;
  };
  if (masks(b, a)) return [a, b];
  return masks(a, b) ? [b, a] : [];
}

function knownRange(
  graph: Graph,
  ranges: ReadonlyMap<TensorId, Range>,
  id: TensorId,
): Range | undefined {
  const elements = floats(graph, id);
  return ranges.get(id) ?? (elements && rangeOf(elements));
}
