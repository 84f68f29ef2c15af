/** Ops without an integer form of their own, as compositions of ops that have one. */
import { ActivationFunctionType, type OpName, type OptionsOf, UNKNOWN_DIM } from '@linnet/schema';
import type { Range } from '../calibrate/range.js';
import type { Graph, Node, NodeId, TensorId } from '../graph/graph.js';
import { typeOf } from '../graph/node.js';
import { PatchBuilder } from '../graph/patch.js';
import { dimValues } from '../passes/dims.js';
import { floats, integers } from '../passes/match.js';
import { defineRule, type Rule } from '../passes/rule.js';
import { integerForm } from './integer-forms.js';
import { isWellTabulated } from './integer-plan.js';
import { type ActivationDType, quantizationOf, rangeOf } from './ranges.js';

/** Writes down a composition, whose values inside get ranges that follow from those of the node. */
class Composer<N extends OpName = OpName> {
  readonly ranges = new Map<TensorId, Range>();

  constructor(
    readonly patch: PatchBuilder,
    readonly node: Node<N>,
    readonly known: ReadonlyMap<TensorId, Range>,
  ) {}

  get graph(): Graph {
    return this.patch.graph;
  }

  input(index: number): TensorId {
    return this.node.inputs[index]!;
  }

  /** Of an input or the output of the node. */
  rangeOf(id: TensorId): Range {
    const elements = floats(this.graph, id);
    return elements === undefined ? this.known.get(id)! : rangeOf(elements);
  }

  get resultRange(): Range {
    return this.rangeOf(this.node.outputs[0]!);
  }

  scalar(value: number): TensorId {
    return this.patch.floats(`${this.node.name}/${value}`, [], Float32Array.of(value));
  }

  /** Adds a node whose float32 output lies in a range. */
  add<M extends OpName>(
    op: M,
    inputs: readonly TensorId[],
    range: Range,
    options: Partial<OptionsOf<M>> = {},
  ): TensorId {
    const made = this.patch.node(op, inputs, options);
    this.ranges.set(made, range);
    return made;
  }
}

/** The output in place of a node's; null where the composition does not hold. */
type Composition<N extends OpName> = (composer: Composer<N>) => TensorId | null;

const UNIT: Range = { min: 0, max: 1 };

const scaleOf = (range: Range) => quantizationOf(range, 'int16').scale[0]!;

/** The part of a range that is not above 0. */
const negativePart = ({ min }: Range): Range => ({ min: Math.min(min, 0), max: 0 });

/** relu(x) + negative(min(x, 0)), for a function that is 0 at 0. */
function aroundZero(
  composer: Composer<'ELU' | 'PRELU'>,
  negative: (x: TensorId) => TensorId,
): TensorId {
  const x = composer.input(0);
  const range = composer.rangeOf(x);
  const below = composer.add('MINIMUM', [x, composer.scalar(0)], negativePart(range));
  const above = composer.add('RELU', [x], { min: 0, max: Math.max(range.max, 0) });
  return composer.add('ADD', [above, negative(below)], composer.resultRange);
}

function clamp(composer: Composer<'RELU_N1_TO_1' | 'RELU_0_TO_1'>, low: number): TensorId {
  const { min } = composer.rangeOf(composer.input(0));
  const below = composer.add('MINIMUM', [composer.input(0), composer.scalar(1)], { min, max: 1 });
  return composer.add('MAXIMUM', [below, composer.scalar(low)], composer.resultRange);
}

/** Blocks of pixels become depth, or the reverse, by a transposition of six dimensions. */
function rearranged(
  composer: Composer<'SPACE_TO_DEPTH' | 'DEPTH_TO_SPACE'>,
  parts: (height: number, width: number, depth: number) => readonly number[],
): TensorId | null {
  const { graph, node, patch } = composer;
  const [before, after] = [node.inputs[0]!, node.outputs[0]!].map((id) =>
    graph.tensor(id).shape.slice(1),
  ) as [number[], number[]];
  const [height, width, depth] = before as [number, number, number];
  if ([...before, ...after].includes(UNKNOWN_DIM)) return null;
  const range = composer.rangeOf(composer.input(0));
  const shape = (dims: readonly number[]) => patch.ints(`${node.name}/shape`, [-1, ...dims]);
  const inner = shape(parts(height, width, depth));
  const split = composer.add('RESHAPE', [composer.input(0), inner], range);
  const order = patch.ints(`${node.name}/order`, [0, 1, 3, 2, 4, 5]);
  const moved = composer.add('TRANSPOSE', [split, order], range);
  return composer.add('RESHAPE', [moved, shape(after)], composer.resultRange);
}

/** What holds where an op has no integer form for the activations at hand. */
const COMPOSITIONS: { readonly [N in OpName]?: Composition<N> } = {
  /** Along the last axis: where the first of the largest is. */
  ARG_MAX(composer) {
    const { graph, node, patch } = composer;
    const { shape } = graph.tensor(node.inputs[0]!);
    const [axis] = integers(graph, node.inputs[1]) ?? [];
    if (axis === undefined || (axis !== -1 && axis !== shape.length - 1)) return null;
    const one = patch.elements(`${node.name}/k`, { dtype: 'int32', shape: [] }, Int32Array.of(1));
    const [values, places] = patch.nodes('TOPK_V2', [node.inputs[0]!, one]);
    composer.ranges.set(values!, composer.rangeOf(composer.input(0)));
    const place = patch.node('SQUEEZE', [places!], {
      squeezeDims: [shape.length - 1],
    });
    const { dtype } = graph.tensor(node.outputs[0]!);
    if (dtype === 'int32') return place;
    return patch.node(
      'CAST',
      [place],
      {},
      { outputs: [{ ...typeOf(patch.tensor(place)), dtype }] },
    );
  },
  DEPTH_TO_SPACE(composer) {
    const { blockSize: block } = composer.node.options;
    return rearranged(composer, (height, width, depth) => [
      height,
      width,
      block,
      block,
      depth / block ** 2,
    ]);
  },
  /** relu(x) + (e^min(x, 0) - 1) */
  ELU(composer) {
    // Of x, too: MINIMUM stores what it gives as what it reads.
    const range = composer.rangeOf(composer.input(0));
    const scales = { argument: scaleOf(range), result: scaleOf(UNIT) };
    if (!isWellTabulated(Math.exp, negativePart(range), scales)) return null;
    return aroundZero(composer, (x) => {
      const power = composer.add('EXP', [x], UNIT);
      return composer.add('SUB', [power, composer.scalar(1)], { min: -1, max: 0 });
    });
  },
  /** x * relu(x / 6 + 1 / 2), where the second factor saturates at 1. */
  HARD_SWISH(composer) {
    const x = composer.input(0);
    const { min, max } = composer.rangeOf(x);
    const sixth = composer.add('MUL', [x, composer.scalar(1 / 6)], { min: min / 6, max: max / 6 });
    const gate = composer.add('ADD', [sixth, composer.scalar(1 / 2)], UNIT, {
      fusedActivationFunction: ActivationFunctionType.RELU,
    });
    return composer.add('MUL', [x, gate], composer.resultRange);
  },
  NEG: (composer) =>
    composer.add('MUL', [composer.input(0), composer.scalar(-1)], composer.resultRange),
  /** relu(x) + slope * min(x, 0) */
  PRELU: (composer) =>
    aroundZero(composer, (x) => composer.add('MUL', [x, composer.input(1)], composer.resultRange)),
  RELU_0_TO_1: (composer) => clamp(composer, 0),
  RELU_N1_TO_1: (composer) => clamp(composer, -1),
  SPACE_TO_DEPTH(composer) {
    const { blockSize: block } = composer.node.options;
    return rearranged(composer, (height, width, depth) => [
      height / block,
      block,
      width / block,
      block,
      depth,
    ]);
  },
  SQUARE: (composer) =>
    composer.add('MUL', [composer.input(0), composer.input(0)], composer.resultRange),
  SQUARED_DIFFERENCE(composer) {
    const largest = Math.sqrt(composer.resultRange.max);
    const inputs = [composer.input(0), composer.input(1)];
    const difference = composer.add('SUB', inputs, { min: -largest, max: largest });
    return composer.add('MUL', [difference, difference], composer.resultRange);
  },
  /** Where only dimensions of 1 grow. */
  TILE(composer) {
    const { graph, node, patch } = composer;
    const dims = graph.tensor(node.inputs[0]!).shape;
    const times = dimValues(graph, node.inputs[1]);
    const isBroadcast = dims.every((dim, axis) => dim === 1 || times?.[axis] === 1);
    if (!isBroadcast || dims.includes(UNKNOWN_DIM)) return null;
    const { name } = node;
    const known = integers(graph, node.inputs[1])?.map((count, axis) => count * dims[axis]!);
    if (known !== undefined) {
      const inputs = [node.inputs[0]!, patch.ints(`${name}/shape`, known)];
      return composer.add('BROADCAST_TO', inputs, composer.resultRange);
    }
    const { dtype } = graph.tensor(node.inputs[1]!);
    const whole = dtype === 'int64' ? BigInt64Array.from(dims, BigInt) : Int32Array.from(dims);
    const own = patch.elements(`${name}/dims`, { dtype, shape: [dims.length] }, whole);
    const shape = patch.node('MUL', [node.inputs[1]!, own]);
    return composer.add('BROADCAST_TO', [node.inputs[0]!, shape], composer.resultRange);
  },
};

/** The ops that compositions stand in for, where they have no integer form. */
export const COMPOSED = Object.keys(COMPOSITIONS) as readonly OpName[];

/**
 * The compositions as a rule, for nodes whose values have ranges.
 *
 * @param ranges of the graph's activations; those of new values are added
 * @param excludes whether a node stays float32 in any case
 */
export function compositionRule(
  ranges: Map<TensorId, Range>,
  dtype: ActivationDType,
  excludes: (node: NodeId) => boolean,
): Rule {
  return defineRule({
    name: 'compose-of-integers',
    rewrite: 'square(x) -> x * x, hard_swish(x) -> x * relu(x / 6 + 1 / 2), ...',
    roots: COMPOSED,
    rounds: true,
    apply(graph, node) {
      const compose = COMPOSITIONS[node.op] as Composition<OpName> | undefined;
      if (compose === undefined || integerForm(node.op, dtype) !== undefined) return null;
      const isKnown = (id: TensorId) => graph.tensor(id).data !== null || ranges.has(id);
      const values = [...node.inputs, ...node.outputs].filter(
        (id): id is TensorId => id !== null && graph.tensor(id).dtype === 'float32',
      );
      if (values.length === 0 || excludes(node.id) || !values.every(isKnown)) return null;
      const composer = new Composer(new PatchBuilder(graph, node), node, ranges);
      const result = compose(composer);
      const patch =
        result === null ? null : composer.patch.replace(node.outputs[0]!, result).done();
      if (patch !== null) for (const [id, range] of composer.ranges) ranges.set(id, range);
      return patch;
    },
  });
}
