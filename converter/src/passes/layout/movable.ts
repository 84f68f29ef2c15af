/** The ops that work in any order of dimensions, and what changes about a node when the order does. */
import type { TensorType } from '@linnet/schema';
import type { Graph, Node, Tensor, TensorId } from '../../graph/graph.js';
import type { PatchBuilder } from '../../graph/patch.js';
import { constant, elements, integers } from '../match.js';
import { type Permutation, permuted, permutedConstant } from './permutation.js';

/** How a node is built anew on inputs whose dimensions are in another order. */
export interface Move {
  /** Indices of the inputs whose dimensions move; the others are constants that the move adapts. */
  readonly moving: readonly number[];
  /** The outputs move with the inputs; false where they come out the same either way. */
  readonly movesOutputs: boolean;
  /** @param inputs The node's inputs, the moving ones replaced by their moved counterparts. */
  build(patch: PatchBuilder, inputs: readonly (TensorId | null)[]): readonly TensorId[];
}

/**
 * The move of a node whose values get transposed by `permutation`, or null when the node fixes the
 * order of its dimensions.
 */
export function moveOf(graph: Graph, node: Node, permutation: Permutation): Move | null {
  const rank = permutation.length;
  const shapeOf = (index: number) => graph.tensor(node.inputs[index]!).shape;
  const declared = node.outputs.map((id) => graph.tensor(id));
  const one = (build: Move['build'], index = 0, movesOutputs = true): Move | null =>
    node.inputs[index] != null && shapeOf(index).length === rank
      ? { moving: [index], movesOutputs, build }
      : null;
  const again = (
    patch: PatchBuilder,
    inputs: readonly (TensorId | null)[],
    options: object = node.options,
  ) =>
    patch.nodes(node.op, inputs, options, {
      before: node,
      outputs: turnAll(declared, permutation),
    });

  switch (node.op) {
    case 'ABS':
    case 'CAST':
    case 'CEIL':
    case 'COS':
    case 'DEQUANTIZE':
    case 'ELU':
    case 'EXP':
    case 'FLOOR':
    case 'GELU':
    case 'HARD_SWISH':
    case 'LEAKY_RELU':
    case 'LOG':
    case 'LOGICAL_NOT':
    case 'LOGISTIC':
    case 'NEG':
    case 'QUANTIZE':
    case 'RELU':
    case 'RELU6':
    case 'RELU_0_TO_1':
    case 'RELU_N1_TO_1':
    case 'ROUND':
    case 'RSQRT':
    case 'SIGN':
    case 'SIN':
    case 'SQRT':
    case 'SQUARE':
    case 'TANH':
    case 'ZEROS_LIKE':
      return hasAxis([...declared, graph.tensor(node.inputs[0]!)]) ? null : one(again);

    case 'L2_NORMALIZATION':
    case 'LOG_SOFTMAX':
    case 'SOFTMAX':
      return permutation[rank - 1] === rank - 1 ? one(again) : null;

    case 'ADD':
    case 'ADD_N':
    case 'ATAN2':
    case 'DIV':
    case 'EQUAL':
    case 'FLOOR_DIV':
    case 'FLOOR_MOD':
    case 'GREATER':
    case 'GREATER_EQUAL':
    case 'LESS':
    case 'LESS_EQUAL':
    case 'LOGICAL_AND':
    case 'LOGICAL_OR':
    case 'MAXIMUM':
    case 'MINIMUM':
    case 'MUL':
    case 'NOT_EQUAL':
    case 'POW':
    case 'PRELU':
    case 'SELECT_V2':
    case 'SQUARED_DIFFERENCE':
    case 'SUB':
      return broadcasting(graph, node, permutation, again);

    case 'CONCATENATION': {
      if (!node.inputs.every((_, index) => shapeOf(index).length === rank)) return null;
      const axis = movedAxis(node.options.axis, permutation);
      const build: Move['build'] = (patch, inputs) =>
        again(patch, inputs, { ...node.options, axis });
      return { moving: node.inputs.map((_, index) => index), movesOutputs: true, build };
    }

    case 'PAD':
    case 'PADV2':
    case 'MIRROR_PAD': {
      const paddings = integers(graph, node.inputs[1]);
      if (paddings === undefined) return null;
      return one((patch, [x, , ...rest]) => {
        const rows = permutation.flatMap((axis) => paddings.slice(2 * axis, 2 * axis + 2));
        const type = { dtype: 'int32', shape: [rank, 2] } as const;
        return again(patch, [x!, patch.elements('paddings', type, Int32Array.from(rows)), ...rest]);
      });
    }

    case 'SLICE':
    case 'TILE': {
      const vectors = node.inputs.slice(1).map((id) => integers(graph, id));
      if (!vectors.every((vector) => vector?.length === rank)) return null;
      return one((patch, [x]) => {
        const turned = vectors.map((vector) =>
          patch.ints('vector', permuted(vector!, permutation)),
        );
        return again(patch, [x!, ...turned]);
      });
    }

    case 'STRIDED_SLICE': {
      const { options } = node;
      const vectors = node.inputs.slice(1).map((id) => integers(graph, id));
      if (options.ellipsisMask || options.newAxisMask || options.shrinkAxisMask) return null;
      if (!vectors.every((vector) => vector?.length === rank)) return null;
      return one((patch, [x]) => {
        const turned = vectors.map((vector) =>
          patch.ints('vector', permuted(vector!, permutation)),
        );
        const beginMask = movedMask(options.beginMask, permutation);
        const endMask = movedMask(options.endMask, permutation);
        return again(patch, [x!, ...turned], { ...options, beginMask, endMask });
      });
    }

    case 'SPLIT':
    case 'SPLIT_V': {
      const [axisInput, data] = node.op === 'SPLIT' ? [0, 1] : [2, 0];
      const axis = integers(graph, node.inputs[axisInput])?.[0];
      if (axis === undefined) return null;
      return one((patch, inputs) => {
        const moved = Int32Array.of(movedAxis(axis, permutation));
        const changed = [...inputs];
        changed[axisInput] = patch.elements('axis', { dtype: 'int32', shape: [] }, moved);
        return again(patch, changed);
      }, data);
    }

    case 'MEAN':
    case 'REDUCE_ALL':
    case 'REDUCE_ANY':
    case 'REDUCE_MAX':
    case 'REDUCE_MIN':
    case 'REDUCE_PROD':
    case 'SUM': {
      const axes = integers(graph, node.inputs[1]);
      if (axes === undefined) return null;
      const moved = axes.map((axis) => movedAxis(axis, permutation));
      const { keepDims } = node.options;
      if (!keepDims) {
        // The dimensions that are left must come out in the order they had.
        const left = permutation.filter((_, axis) => !moved.includes(axis));
        if (left.some((axis, index) => index > 0 && axis < left[index - 1]!)) return null;
      }
      const build: Move['build'] = (patch, [x]) =>
        patch.nodes(node.op, [x!, patch.ints('axes', moved)], node.options, {
          before: node,
          outputs: keepDims ? turnAll(declared, permutation) : declared,
        });
      return one(build, 0, keepDims);
    }

    default:
      return null;
  }
}

type Again = (patch: PatchBuilder, inputs: readonly (TensorId | null)[]) => readonly TensorId[];

/** Ops that broadcast: what varies has full rank or is a scalar; constants are turned with it. */
function broadcasting(
  graph: Graph,
  node: Node,
  permutation: Permutation,
  again: Again,
): Move | null {
  const tensors = node.inputs.map((id) => graph.tensor(id!));
  const rank = permutation.length;
  if (hasAxis([...tensors, ...node.outputs.map((id) => graph.tensor(id))])) return null;
  if (graph.tensor(node.outputs[0]!).shape.length !== rank) return null;
  const constants = new Map<number, TensorId>();
  const moving: number[] = [];
  for (const [index, { id, shape }] of tensors.entries()) {
    if (shape.length === 0) continue;
    if (constant(graph, id) !== undefined && elements(graph, id) !== undefined)
      constants.set(index, id);
    else if (shape.length === rank) moving.push(index);
    else return null;
  }
  if (moving.length === 0) return null;
  const build: Move['build'] = (patch, inputs) => {
    const changed = [...inputs];
    for (const [index, id] of constants) changed[index] = permutedConstant(patch, id, permutation);
    return again(patch, changed);
  };
  return { moving, movesOutputs: true, build };
}

/** Whether a quantization goes by dimension, which a move would have to follow. */
function hasAxis(tensors: readonly Tensor[]): boolean {
  return tensors.some(
    ({ quantization: q }) => q !== undefined && (q.kind !== 'affine' || q.scale.length > 1),
  );
}

function turnAll(types: readonly TensorType[], permutation: Permutation): readonly TensorType[] {
  return types.map((type) => ({ ...type, shape: permuted(type.shape, permutation) }));
}

/** Where a dimension is found after the move. */
function movedAxis(axis: number, permutation: Permutation): number {
  return permutation.indexOf(axis < 0 ? axis + permutation.length : axis);
}

function movedMask(mask: number, permutation: Permutation): number {
  return permutation.reduce((moved, axis, index) => moved | (((mask >> axis) & 1) << index), 0);
}
