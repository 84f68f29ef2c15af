/** Rewrites that get rid of ops which compute shapes at run time. */
import { elementCount, UNKNOWN_DIM } from '@linnet/schema';
import type { Graph, Tensor, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { type DimValue, dimValues } from '../dims.js';
import { constant, madeBy, madeOnlyFor } from '../match.js';
import { defineRule, type Rule } from '../rule.js';
import { isReshapeTarget, reshape } from './movement.js';

const foldShapeArithmetic = defineRule({
  name: 'fold-shape-arithmetic',
  rewrite: 'shape(x), and what is computed from it, with known elements -> constant',
  roots: [
    'SHAPE',
    'STRIDED_SLICE',
    'SLICE',
    'GATHER',
    'PACK',
    'CONCATENATION',
    'CAST',
    'RESHAPE',
    'ADD',
    'SUB',
    'MUL',
    'FLOOR_DIV',
    'MAXIMUM',
    'MINIMUM',
    'REDUCE_PROD',
  ],
  apply(graph, node) {
    const output = graph.tensor(node.outputs[0]!);
    const values = dimValues(graph, output.id)?.filter((value) => typeof value === 'number');
    const count = output.shape[0] ?? 1;
    if (values?.length !== count || output.quantization !== undefined) return null;
    const elements =
      output.dtype === 'int64' ? BigInt64Array.from(values, BigInt) : Int32Array.from(values);
    const patch = new PatchBuilder(graph, node);
    return patch.replace(output.id, patch.elements(output.name, output, elements)).done();
  },
});

const rankToConstant = defineRule({
  name: 'fold-rank',
  rewrite: 'rank(x) -> constant',
  roots: ['RANK'],
  apply(graph, node) {
    const patch = new PatchBuilder(graph, node);
    const output = graph.tensor(node.outputs[0]!);
    const rank = Int32Array.of(graph.tensor(node.inputs[0]!).shape.length);
    return patch.replace(output.id, patch.elements(output.name, output, rank)).done();
  },
});

const reshapeToKnown = defineRule({
  name: 'fix-reshape',
  rewrite: 'reshape(x, computed shape with one element unknown) -> reshape(x, [.., -1, ..])',
  roots: ['RESHAPE'],
  apply(graph, node) {
    const [input, shape] = [graph.tensor(node.inputs[0]!), node.inputs[1]];
    if (shape == null || constant(graph, shape) !== undefined) return null;
    const output = graph.tensor(node.outputs[0]!);
    const values = dimValues(graph, shape) ?? output.shape;
    const dims = values.map((value, axis) =>
      typeof value === 'number' ? value : (output.shape[axis] ?? UNKNOWN_DIM),
    );
    // A shape computed from data may turn out not to fit; that is for the runtime to say.
    const [have, want] = [elementCount(input.shape), elementCount(dims)];
    if (have !== undefined && want !== undefined && have !== want) return null;
    if (!isReshapeTarget(dims)) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(output.id, reshape(patch, input.id, dims)).done();
  },
});

const shapeOfKept = defineRule({
  name: 'move-shape-up',
  rewrite: 'shape(f(x)) -> shape(x) for f that keeps the shape',
  roots: ['SHAPE'],
  apply(graph, node) {
    const source = sameShapeSource(graph, node.inputs[0]!);
    if (source === node.inputs[0]!) return null;
    const patch = new PatchBuilder(graph, node);
    return patch.replace(node.outputs[0]!, patch.node('SHAPE', [source], node.options)).done();
  },
});

/** The first value, going up through ops that work element by element, of certainly the same shape. */
function sameShapeSource(graph: Graph, id: TensorId): TensorId {
  const node = graph.producer(id);
  const [input] = node?.inputs ?? [];
  switch (node?.op) {
    case 'ABS':
    case 'CAST':
    case 'DEQUANTIZE':
    case 'ELU':
    case 'EXP':
    case 'GELU':
    case 'HARD_SWISH':
    case 'LEAKY_RELU':
    case 'LOGISTIC':
    case 'NEG':
    case 'QUANTIZE':
    case 'RELU':
    case 'RELU6':
    case 'RSQRT':
    case 'SOFTMAX':
    case 'SQRT':
    case 'SQUARE':
    case 'TANH':
      return sameShapeSource(graph, input!);
    case 'ADD':
    case 'SUB':
    case 'MUL':
    case 'DIV': {
      const sides = node.inputs.map((side) => graph.tensor(side!));
      const [left, right] = sides;
      const small = ({ shape }: { shape: readonly number[] }) => shape.every((dim) => dim === 1);
      if (small(right!) && right!.shape.length <= left!.shape.length) {
        return sameShapeSource(graph, left!.id);
      }
      return id;
    }
    default:
      return id;
  }
}

const keepDimensions = defineRule({
  name: 'fully-connected-keeps-dimensions',
  rewrite: 'reshape(fc(reshape(x, [-1, k])), [.., n]) -> fc(reshape(x, [.., k]), keep_num_dims)',
  roots: ['RESHAPE'],
  apply(graph, node) {
    const dense = madeOnlyFor(graph, node.inputs[0], 'FULLY_CONNECTED');
    const flat = madeBy(graph, dense?.inputs[0], 'RESHAPE');
    if (dense === undefined || flat === undefined || dense.options.keepNumDims) return null;
    const x = graph.tensor(flat.inputs[0]!);
    const output = graph.tensor(node.outputs[0]!);
    const [channels, depth] = graph.tensor(dense.inputs[1]!).shape;
    const target = dimValues(graph, node.inputs[1]) ?? output.shape;
    if (output.shape.length < 3 || target.at(-1) !== channels) return null;
    const patch = new PatchBuilder(graph, node);
    const shape = [...output.shape.slice(0, -1), depth!];
    let input = x.id;
    if (x.shape.at(-1) !== depth || !keepsRows(graph, x, target)) {
      if (!isReshapeTarget(shape)) return null;
      input = reshape(patch, x.id, shape);
    }
    const options = { ...dense.options, keepNumDims: true };
    const inputs = [input, ...dense.inputs.slice(1)];
    const result = patch.node('FULLY_CONNECTED', inputs, options, { name: dense.name });
    return patch.replace(output.id, result).done();
  },
});

/** Whether a reshape to `target` certainly brings back all dimensions of `x` but the last. */
function keepsRows(graph: Graph, x: Tensor, target: readonly DimValue[]): boolean {
  if (target.length !== x.shape.length) return false;
  const source = sameShapeSource(graph, x.id);
  const isDimension = (value: DimValue, axis: number) =>
    typeof value === 'object'
      ? (value.tensor === x.id || value.tensor === source) && value.axis === axis
      : value !== undefined && value !== UNKNOWN_DIM && value === x.shape[axis];
  const rows = x.shape.slice(0, -1);
  // One dimension may follow from the others: the number of elements is the same.
  return rows.filter((_, axis) => !isDimension(target[axis], axis)).length <= 1;
}

export const SHAPE_RULES: readonly Rule[] = [
  foldShapeArithmetic,
  rankToConstant,
  reshapeToKnown,
  shapeOfKept,
  keepDimensions,
];
