/** Matrix products with weights become FULLY_CONNECTED, grouped convolutions of depth one depthwise. */
import { elementCount } from '@linnet/schema';
import type { Graph, TensorId } from '../../graph/graph.js';
import { PatchBuilder } from '../../graph/patch.js';
import { floats, integers, isFloat32, madeBy, madeOnlyFor } from '../match.js';
import { defineRule, type Rule } from '../rule.js';

/** The transpose of a row-major `rows` x `columns` matrix. */
function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = matrix[row * columns + column]!;
    }
  }
  return result;
}

const toFullyConnected = defineRule({
  name: 'matmul-to-fully-connected',
  rewrite: 'batch_matmul(x, constant matrix w) -> fully_connected(x, w transposed)',
  roots: ['BATCH_MATMUL'],
  apply(graph, node) {
    const [input, weights] = [graph.tensor(node.inputs[0]!), graph.tensor(node.inputs[1]!)];
    const matrix = floats(graph, weights.id);
    const rank = input.shape.length;
    if (matrix === undefined || node.options.adjX || weights.shape.length > rank) return null;
    const [rows, columns] = weights.shape.slice(-2) as [number, number];
    if (input.dtype !== 'float32' || elementCount(weights.shape) !== rows * columns) return null;
    const patch = new PatchBuilder(graph, node);
    const [outputs, depth] = node.options.adjY ? [rows, columns] : [columns, rows];
    const data = node.options.adjY ? matrix : transposed(matrix, rows, columns);
    const filter = patch.floats(weights.name, [outputs, depth], data);
    const options = { keepNumDims: rank > 2 };
    const output = patch.node('FULLY_CONNECTED', [input.id, filter, null], options);
    return patch.replace(node.outputs[0]!, output).done();
  },
});

const foldTranspose = defineRule({
  name: 'fold-transpose-into-matmul',
  rewrite:
    'batch_matmul(x, transpose of the last two dimensions of y) -> batch_matmul(x, y, adj_y)',
  roots: ['BATCH_MATMUL'],
  apply(graph, node) {
    const [left, right] = node.inputs.map((id) => swapped(graph, id!));
    if (left === undefined && right === undefined) return null;
    const patch = new PatchBuilder(graph, node);
    const options = {
      ...node.options,
      adjX: node.options.adjX !== (left !== undefined),
      adjY: node.options.adjY !== (right !== undefined),
    };
    const inputs = [left ?? node.inputs[0]!, right ?? node.inputs[1]!];
    const output = patch.node('BATCH_MATMUL', inputs, options, {
      outputs: [graph.tensor(node.outputs[0]!)],
    });
    return patch.replace(node.outputs[0]!, output).done();
  },
});

/** What a transpose of the last two dimensions transposes. */
function swapped(graph: Graph, id: TensorId): TensorId | undefined {
  const transpose = madeBy(graph, id, 'TRANSPOSE');
  const permutation = integers(graph, transpose?.inputs[1]);
  const isSwap = permutation && swapLast(permutation).every((axis, index) => axis === index);
  return isSwap ? transpose!.inputs[0]! : undefined;
}

/** A permutation followed by the exchange of the last two dimensions. */
function swapLast(permutation: readonly number[]): readonly number[] {
  return [...permutation.slice(0, -2), ...permutation.slice(-2).reverse()];
}

const foldAdjoint = defineRule({
  name: 'fold-adjoint-into-transpose',
  rewrite: 'batch_matmul(x, transpose(y, p), adj_y) -> batch_matmul(x, transpose(y, p swapped))',
  roots: ['BATCH_MATMUL'],
  apply(graph, node) {
    for (const [side, flag] of [[0, 'adjX'] as const, [1, 'adjY'] as const]) {
      const transpose = madeOnlyFor(graph, node.inputs[side], 'TRANSPOSE');
      const permutation = integers(graph, transpose?.inputs[1]);
      if (transpose === undefined || permutation === undefined || !node.options[flag]) continue;
      const patch = new PatchBuilder(graph, node);
      const inputs = [...node.inputs];
      const turned = patch.ints('permutation', swapLast(permutation));
      inputs[side] = patch.node(
        'TRANSPOSE',
        [transpose.inputs[0]!, turned],
        {},
        { name: transpose.name },
      );
      const outputs = [graph.tensor(node.outputs[0]!)];
      const output = patch.node(node.op, inputs, { ...node.options, [flag]: false }, { outputs });
      return patch.replace(node.outputs[0]!, output).done();
    }
    return null;
  },
});

const transposeOfProduct = defineRule({
  name: 'transpose-of-matmul',
  rewrite: 'transpose of the last two dimensions of a x b -> b transposed x a transposed',
  roots: ['TRANSPOSE'],
  apply(graph, node) {
    const source = swapped(graph, node.outputs[0]!);
    const product = madeOnlyFor(graph, source, 'BATCH_MATMUL');
    if (product === undefined || !isFloat32(graph, source)) return null;
    const [left, right] = product.inputs;
    const { adjX, adjY } = product.options;
    const patch = new PatchBuilder(graph, node);
    const options = { ...product.options, adjX: !adjY, adjY: !adjX };
    const output = patch.node('BATCH_MATMUL', [right!, left!], options, { name: product.name });
    return patch.replace(node.outputs[0]!, output).done();
  },
});

const toDepthwise = defineRule({
  name: 'grouped-to-depthwise',
  rewrite: 'conv(x, w) with one input channel per group -> depthwise_conv(x, w)',
  roots: ['CONV_2D'],
  apply(graph, node) {
    const [input, filter] = [graph.tensor(node.inputs[0]!), graph.tensor(node.inputs[1]!)];
    const weights = floats(graph, filter.id);
    const [outputs, height, width, depth] = filter.shape as [number, number, number, number];
    const channels = input.shape[3]!;
    if (weights === undefined || depth !== 1 || channels <= 1 || outputs % channels !== 0)
      return null;
    const patch = new PatchBuilder(graph, node);
    const data = transposed(weights, outputs, height * width);
    const turned = patch.floats(filter.name, [1, height, width, outputs], data);
    const { padding, strideH, strideW, dilationHFactor, dilationWFactor } = node.options;
    const output = patch.node(
      'DEPTHWISE_CONV_2D',
      [input.id, turned, ...node.inputs.slice(2)],
      {
        padding,
        strideH,
        strideW,
        dilationHFactor,
        dilationWFactor,
        depthMultiplier: outputs / channels,
        fusedActivationFunction: node.options.fusedActivationFunction,
      },
      { name: node.name },
    );
    return patch.replace(node.outputs[0]!, output).done();
  },
});

export const MATMUL_RULES: readonly Rule[] = [
  transposeOfProduct,
  foldTranspose,
  foldAdjoint,
  toFullyConnected,
  toDepthwise,
];
