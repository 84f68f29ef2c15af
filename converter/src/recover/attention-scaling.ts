import { ActivationFunctionType } from '@linnet/schema';
import type { Graph, Node, TensorId } from '../graph/graph.js';
import { type Linear, linear } from '../passes/linear.js';
import { hasOneReader, integers } from '../passes/match.js';
import type { ChannelScaling } from './channel-scaling.js';

/**
 * What of a channel's number a dimension counts: an index along it stands for `stride` times the index.
 * Dimensions that count no channels have none.
 */
type Counter = { readonly stride: number; readonly size: number } | null;

/** A value whose channels come from a linear node, split into heads and turned as attention has them. */
interface Heads {
  readonly producer: Linear;
  readonly counters: readonly Counter[];
}

/**
 * The channels of attention that can have other scales: those of queries against those of the keys that
 * they are multiplied by, and those of values against the weights that read what attention makes of them.
 */
export function attentionScalings(graph: Graph): readonly ChannelScaling[] {
  return [...graph.nodes].flatMap((node) => {
    if (node.op !== 'BATCH_MATMUL') return [];
    const found = queriesAndKeys(graph, node) ?? valuesAndReader(graph, node);
    return found === undefined ? [] : [found];
  });
}

function queriesAndKeys(graph: Graph, node: Node<'BATCH_MATMUL'>): ChannelScaling | undefined {
  const [left, right] = node.inputs.map((id) => headsOf(graph, id!));
  if (left === undefined || right === undefined || left.producer.node === right.producer.node) {
    return undefined;
  }
  const { adjX, adjY } = node.options;
  const same = (a: Counter | undefined, b: Counter | undefined) =>
    a?.stride === b?.stride && a?.size === b?.size;
  const [a, b] = [left.counters, right.counters];
  const isSummed =
    a.at(adjX ? -2 : -1) !== null && same(a.at(adjX ? -2 : -1), b.at(adjY ? -1 : -2));
  const isBatched = a.length === b.length && a.slice(0, -2).every((own, i) => same(own, b[i]));
  if (!isSummed || !isBatched) return undefined;
  const { node: reader, layout, shape } = right.producer;
  const { node: maker, channels } = left.producer;
  if (shape[layout.outputAxis] !== channels) return undefined;
  return {
    value: maker.outputs[0]!,
    channels,
    producer: left.producer,
    consumers: [{ linear: right.producer, axis: layout.outputAxis, makes: reader.outputs[0]! }],
  };
}

function valuesAndReader(graph: Graph, node: Node<'BATCH_MATMUL'>): ChannelScaling | undefined {
  const [left, right] = node.inputs as readonly [TensorId, TensorId];
  const heads = left === right ? undefined : headsOf(graph, right);
  if (heads === undefined) return undefined;
  const { producer, counters } = heads;
  const [summed, kept] = node.options.adjY ? [-1, -2] : [-2, -1];
  const rank = graph.tensor(node.outputs[0]!).shape.length;
  if (counters.at(summed) !== null || counters.length !== rank) return undefined;
  let own: readonly Counter[] = [...counters.slice(0, -2), null, counters.at(kept)!];
  let value = node.outputs[0]!;
  for (;;) {
    if (!hasOneReader(graph, value)) return undefined;
    const reader = graph.consumers(value)[0]!;
    const consumer = linear(graph, reader);
    if (consumer !== undefined) {
      const { layout, shape } = consumer;
      const isWhole = isLast(own, producer.channels) && reader.inputs[layout.input] === value;
      const axis = reader.op === 'DEPTHWISE_CONV_2D' ? null : layout.inputAxis;
      if (!isWhole || axis === null || shape[axis] !== producer.channels) return undefined;
      if (!hasOneReader(graph, reader.inputs[layout.weights]!)) return undefined;
      const consumers = [{ linear: consumer, axis }];
      return { value: producer.node.outputs[0]!, channels: producer.channels, producer, consumers };
    }
    const moved = carried(graph, reader, own);
    if (moved === undefined) return undefined;
    own = moved;
    value = reader.outputs[0]!;
  }
}

/** The linear node that a value comes from by nothing but reshapes and transposes. */
function headsOf(graph: Graph, id: TensorId): Heads | undefined {
  const moves: Node[] = [];
  let value = id;
  for (;;) {
    if (!hasOneReader(graph, value)) return undefined;
    const node = graph.producer(value);
    if (node === undefined) return undefined;
    const producer = linear(graph, node);
    if (producer !== undefined) {
      const { layout, channels } = producer;
      const isFree =
        !('fusedActivationFunction' in node.options) ||
        node.options.fusedActivationFunction === ActivationFunctionType.NONE;
      if (!isFree || !hasOneReader(graph, node.inputs[layout.weights]!)) return undefined;
      const rank = graph.tensor(value).shape.length;
      let counters: readonly Counter[] | undefined = Array.from({ length: rank }, (_, dim) =>
        dim === rank - 1 ? { stride: 1, size: channels } : null,
      );
      for (const move of moves.reverse()) counters = counters && carried(graph, move, counters);
      return counters && { producer, counters };
    }
    if (node.op !== 'RESHAPE' && node.op !== 'TRANSPOSE') return undefined;
    moves.push(node);
    value = node.inputs[0]!;
  }
}

/** The counters after a reshape or transpose; undefined for other ops and where channels get mixed. */
function carried(
  graph: Graph,
  node: Node,
  counters: readonly Counter[],
): readonly Counter[] | undefined {
  const [output] = node.outputs as readonly [TensorId];
  const { shape } = graph.tensor(output);
  if (node.op === 'TRANSPOSE') {
    return integers(graph, node.inputs[1])?.map((dim) => counters[dim] ?? null);
  }
  if (node.op !== 'RESHAPE') return undefined;
  const last = counters.at(-1) ?? null;
  const others = (count: number): Counter[] => new Array<Counter>(count).fill(null);
  const outer = counters.at(-2) ?? null;
  if (last?.stride !== 1) return undefined;
  if (outer !== null) {
    // Heads of a channel each become channels again.
    const channels = outer.size * last.size;
    if (outer.stride !== last.size || shape.at(-1) !== channels) return undefined;
    if (counters.slice(0, -2).some((own) => own !== null)) return undefined;
    return [...others(shape.length - 1), { stride: 1, size: channels }];
  }
  if (counters.slice(0, -1).some((own) => own !== null)) return undefined;
  const [heads = 0, size = 0] = shape.slice(-2);
  if (size === last.size) return [...others(shape.length - 1), last];
  if (heads * size !== last.size) return undefined;
  return [...others(shape.length - 2), { stride: size, size: heads }, { stride: 1, size }];
}

/** Whether all channels lie along the last dimension. */
function isLast(counters: readonly Counter[], channels: number): boolean {
  const last = counters.at(-1);
  return (
    last?.stride === 1 &&
    last.size === channels &&
    counters.slice(0, -1).every((own) => own === null)
  );
}
