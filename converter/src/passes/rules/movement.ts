/** Rewrites of ops that move data without computing: removal, composition, cheaper forms. */
import { elementCount, isStatic, type TypedArray, UNKNOWN_DIM } from '@linnet/schema';
import type { Graph, Node, TensorId } from '../../graph/graph.js';
import { type Patch, PatchBuilder } from '../../graph/patch.js';
import { sameQuantization, sameShape, sameType } from '../../graph/types.js';
import { elements, integers, isLinear, madeBy, madeOnlyFor } from '../match.js';
import { defineRule, type Rule } from '../rule.js';

/** Whether RESHAPE can be told the shape: at most one dimension is left to the runtime. */
export function isReshapeTarget(shape: readonly number[]): boolean {
  const unknown = shape.filter((dim) => dim === UNKNOWN_DIM).length;
  return unknown === 0 || (unknown === 1 && !shape.includes(0));
}

/** `x` in another shape, which `isReshapeTarget`. */
export function reshape(patch: PatchBuilder, x: TensorId, shape: readonly number[]): TensorId {
  return patch.node('RESHAPE', [x, patch.ints('shape', shape)], { newShape: [...shape] });
}

/** A patch that lets the readers of a one-output node read its input. */
function skip(graph: Graph, node: Node, input: TensorId = node.inputs[0]!): Patch | null {
  if (!sameType(graph.tensor(input), graph.tensor(node.outputs[0]!))) return null;
  return new PatchBuilder(graph, node).replace(node.outputs[0]!, input).done();
}

const every = (values: TypedArray | undefined, value: number) =>
  values?.every((element: number | bigint) => Number(element) === value) ?? false;

const removeReshape = defineRule({
  name: 'remove-reshape',
  rewrite: 'reshape(x, shape of x) -> x',
  roots: ['RESHAPE'],
  apply(graph, node) {
    return isReshapeTarget(graph.tensor(node.outputs[0]!).shape) ? skip(graph, node) : null;
  },
});

const removePad = defineRule({
  name: 'remove-pad',
  rewrite: 'pad(x, 0) -> x',
  roots: ['PAD', 'PADV2', 'MIRROR_PAD'],
  apply: (graph, node) => (every(elements(graph, node.inputs[1]), 0) ? skip(graph, node) : null),
});

const removeTile = defineRule({
  name: 'remove-tile',
  rewrite: 'tile(x, 1) -> x',
  roots: ['TILE'],
  apply: (graph, node) => (every(elements(graph, node.inputs[1]), 1) ? skip(graph, node) : null),
});

const removeStatic = defineRule({
  name: 'remove-no-op-of-same-size',
  rewrite: 'slice(x), broadcast(x), resize(x) to the size of x -> x',
  roots: ['SLICE', 'BROADCAST_TO', 'RESIZE_NEAREST_NEIGHBOR', 'RESIZE_BILINEAR'],
  apply: (graph, node) =>
    isStatic(graph.tensor(node.outputs[0]!).shape) ? skip(graph, node) : null,
});

const removeSlice = defineRule({
  name: 'remove-slice',
  rewrite: 'slice(x, 0, all) -> x',
  roots: ['SLICE'],
  apply(graph, node) {
    const all =
      every(elements(graph, node.inputs[1]), 0) && every(elements(graph, node.inputs[2]), -1);
    return all ? skip(graph, node) : null;
  },
});

const removeStridedSlice = defineRule({
  name: 'remove-strided-slice',
  rewrite: 'x[:, :] -> x',
  roots: ['STRIDED_SLICE'],
  apply(graph, node) {
    const { options } = node;
    if (options.newAxisMask || options.shrinkAxisMask || options.ellipsisMask || options.offset) {
      return null;
    }
    if (!every(elements(graph, node.inputs[3]), 1)) return null;
    const { shape } = graph.tensor(node.inputs[0]!);
    if (isStatic(shape)) return skip(graph, node);
    const begin = integers(graph, node.inputs[1]);
    if (begin === undefined || begin.length !== shape.length) return null;
    const whole = shape.every(
      (_, axis) =>
        (begin[axis] === 0 || (options.beginMask >> axis) & 1) && (options.endMask >> axis) & 1,
    );
    return whole ? skip(graph, node) : null;
  },
});

const removeConcatenation = defineRule({
  name: 'remove-concatenation',
  rewrite: 'concat(x) -> x',
  roots: ['CONCATENATION'],
  apply: (graph, node) => (node.inputs.length === 1 && isLinear(node) ? skip(graph, node) : null),
});

const removeSplit = defineRule({
  name: 'remove-split',
  rewrite: 'split(x, 1) -> x',
  roots: ['SPLIT', 'SPLIT_V'],
  apply(graph, node) {
    if (node.outputs.length !== 1) return null;
    return skip(graph, node, node.inputs[node.op === 'SPLIT' ? 1 : 0]!);
  },
});

const removeTranspose = defineRule({
  name: 'remove-transpose',
  rewrite: 'transpose(x, identity) -> x',
  roots: ['TRANSPOSE'],
  apply(graph, node) {
    const permutation = integers(graph, node.inputs[1]);
    return permutation?.every((axis, index) => axis === index) ? skip(graph, node) : null;
  },
});

const reshapeOfReshape = defineRule({
  name: 'compose-reshapes',
  rewrite: 'reshape(reshape(x, s), t) -> reshape(x, t)',
  roots: ['RESHAPE'],
  apply(graph, node) {
    const inner = madeBy(graph, node.inputs[0], 'RESHAPE');
    const { shape } = graph.tensor(node.outputs[0]!);
    if (inner === undefined || !isReshapeTarget(shape)) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(node.outputs[0]!, reshape(patch, inner.inputs[0]!, shape)).done();
  },
});

const transposeOfTranspose = defineRule({
  name: 'compose-transposes',
  rewrite: 'transpose(transpose(x, p), q) -> transpose(x, p∘q)',
  roots: ['TRANSPOSE'],
  apply(graph, node) {
    const inner = madeBy(graph, node.inputs[0], 'TRANSPOSE');
    const first = integers(graph, inner?.inputs[1]);
    const second = integers(graph, node.inputs[1]);
    if (inner === undefined || first === undefined || second === undefined) return null;
    const patch = new PatchBuilder(graph, node);
    const composed = second.map((axis) => first[axis]!);
    const output = patch.node('TRANSPOSE', [inner.inputs[0]!, patch.ints('permutation', composed)]);
    return patch.replace(node.outputs[0]!, output).done();
  },
});

const transposeToReshape = defineRule({
  name: 'transpose-to-reshape',
  rewrite: 'transpose(x) that moves only dimensions of size 1 -> reshape(x)',
  roots: ['TRANSPOSE'],
  apply(graph, node) {
    const permutation = integers(graph, node.inputs[1]);
    const { shape } = graph.tensor(node.inputs[0]!);
    const output = graph.tensor(node.outputs[0]!);
    if (permutation === undefined || !isReshapeTarget(output.shape)) return null;
    const moved = permutation.filter((axis) => shape[axis] !== 1);
    if (moved.some((axis, index) => index > 0 && axis < moved[index - 1]!)) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(output.id, reshape(patch, node.inputs[0]!, output.shape)).done();
  },
});

const toReshape = defineRule({
  name: 'squeeze-to-reshape',
  rewrite: 'squeeze(x), expand_dims(x) -> reshape(x)',
  roots: ['SQUEEZE', 'EXPAND_DIMS'],
  apply(graph, node) {
    const output = graph.tensor(node.outputs[0]!);
    if (!isReshapeTarget(output.shape)) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(output.id, reshape(patch, node.inputs[0]!, output.shape)).done();
  },
});

const reduceToReshape = defineRule({
  name: 'reduce-to-reshape',
  rewrite: 'reduce(x) over dimensions of size 1 -> reshape(x)',
  roots: ['SUM', 'MEAN', 'REDUCE_MAX', 'REDUCE_MIN', 'REDUCE_PROD'],
  apply(graph, node) {
    const [input, output] = [graph.tensor(node.inputs[0]!), graph.tensor(node.outputs[0]!)];
    const axes = integers(graph, node.inputs[1]);
    if (axes === undefined || !isReshapeTarget(output.shape)) return null;
    if (axes.some((axis) => input.shape.at(axis) !== 1)) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(output.id, reshape(patch, input.id, output.shape)).done();
  },
});

const concatenationOfConcatenation = defineRule({
  name: 'flatten-concatenation',
  rewrite: 'concat(concat(a, b), c) -> concat(a, b, c)',
  roots: ['CONCATENATION'],
  apply(graph, node) {
    const output = graph.tensor(node.outputs[0]!);
    const { shape } = output;
    const axisOf = (axis: number) => (axis < 0 ? axis + shape.length : axis);
    const inner = node.inputs.map((id) => {
      const found = madeOnlyFor(graph, id, 'CONCATENATION');
      const fits =
        found !== undefined &&
        isLinear(found) &&
        axisOf(found.options.axis) === axisOf(node.options.axis) &&
        sameQuantization(graph.tensor(id!).quantization, output.quantization);
      return fits ? found.inputs : null;
    });
    if (inner.every((inputs) => inputs === null)) return null;
    const inputs = node.inputs.flatMap((id, index) => inner[index] ?? [id]);
    const patch = new PatchBuilder(graph, node);
    const flat = patch.node('CONCATENATION', inputs, node.options, { outputs: [output] });
    return patch.replace(output.id, flat).done();
  },
});

const padOfPad = defineRule({
  name: 'compose-pads',
  rewrite: 'pad(pad(x, a), b) -> pad(x, a+b)',
  roots: ['PAD'],
  apply(graph, node) {
    const inner = madeOnlyFor(graph, node.inputs[0], 'PAD');
    const first = integers(graph, inner?.inputs[1]);
    const second = integers(graph, node.inputs[1]);
    if (inner === undefined || first === undefined || second === undefined) return null;
    const patch = new PatchBuilder(graph, node);
    const sums = Int32Array.from(first, (amount, index) => amount + second[index]!);
    const paddings = patch.elements(
      'paddings',
      { dtype: 'int32', shape: [sums.length / 2, 2] },
      sums,
    );
    return patch.replace(node.outputs[0]!, patch.node('PAD', [inner.inputs[0]!, paddings])).done();
  },
});

const gatherToSlice = defineRule({
  name: 'gather-to-slice',
  rewrite: 'gather(x, [i], axis) -> slice(x, i, 1)',
  roots: ['GATHER'],
  apply(graph, node) {
    const indices = integers(graph, node.inputs[1]);
    const input = graph.tensor(node.inputs[0]!);
    const output = graph.tensor(node.outputs[0]!);
    if (indices?.length !== 1 || node.options.batchDims !== 0) return null;
    const axis = node.options.axis < 0 ? node.options.axis + input.shape.length : node.options.axis;
    const at = indices[0]!;
    // A slice out of range is refused before the model runs, a gather as it runs.
    const isInside = at >= 0 && (at < input.shape[axis]! || input.shape[axis] === UNKNOWN_DIM);
    if (!isInside || input.dtype === 'string' || !isReshapeTarget(output.shape)) return null;
    const begin = input.shape.map((_, index) => (index === axis ? at : 0));
    const size = input.shape.map((_, index) => (index === axis ? 1 : -1));
    const patch = new PatchBuilder(graph, node);
    const slice = patch.node('SLICE', [
      input.id,
      patch.ints('begin', begin),
      patch.ints('size', size),
    ]);
    const same = sameShape(patch.tensor(slice).shape, output.shape);
    return patch.replace(output.id, same ? slice : reshape(patch, slice, output.shape)).done();
  },
});

const removeTrivialBroadcast = defineRule({
  name: 'fold-broadcast-into-arithmetic',
  rewrite: 'f(broadcast(x), y) -> f(x, y) where y has the full shape',
  roots: ['ADD', 'SUB', 'MUL', 'DIV', 'MAXIMUM', 'MINIMUM', 'SQUARED_DIFFERENCE'],
  apply(graph, node) {
    const output = graph.tensor(node.outputs[0]!);
    for (const side of [0, 1]) {
      const broadcast = madeBy(graph, node.inputs[side], 'BROADCAST_TO', 'TILE');
      const other = graph.tensor(node.inputs[1 - side]!);
      const source = broadcast?.inputs[0];
      if (source == null || !isStatic(output.shape) || !sameShape(other.shape, output.shape))
        continue;
      // A TILE of a dimension other than 1 repeats values, which broadcasting would not.
      const shape = graph.tensor(source).shape;
      const offset = output.shape.length - shape.length;
      const broadcasts = shape.every(
        (dim, axis) => dim === 1 || dim === output.shape[axis + offset],
      );
      if (!broadcasts || elementCount(shape) === undefined) continue;
      const patch = new PatchBuilder(graph, node);
      const inputs = side === 0 ? [source, other.id] : [other.id, source];
      const result = patch.node(node.op, inputs, node.options, { outputs: [output] });
      return patch.replace(output.id, result).done();
    }
    return null;
  },
});

export const MOVEMENT_RULES: readonly Rule[] = [
  removeReshape,
  removePad,
  removeTile,
  removeStatic,
  removeSlice,
  removeStridedSlice,
  removeConcatenation,
  removeSplit,
  removeTranspose,
  toReshape,
  reshapeOfReshape,
  transposeOfTranspose,
  transposeToReshape,
  reduceToReshape,
  concatenationOfConcatenation,
  padOfPad,
  gatherToSlice,
  removeTrivialBroadcast,
];
