import { FullyConnectedOptionsWeightsFormat, LinnetError } from '@linnet/schema';
import { broadcastOffsets, stridesOf } from './indexing.js';
import type { ReferenceFamily } from './kernel.js';
import { evaluateProduct } from './product.js';
import { required, sizeOf } from './values.js';

export const MATMUL: ReferenceFamily<'FULLY_CONNECTED' | 'BATCH_MATMUL'> = {
  /** Rows of x [rows, in] times weights [out, in], transposed; x may have any rank. */
  FULLY_CONNECTED: ({ inputs, outputs, options }) => {
    if (options.weightsFormat !== FullyConnectedOptionsWeightsFormat.DEFAULT) {
      throw new LinnetError(
        'UNSUPPORTED',
        'FULLY_CONNECTED with shuffled weights is not supported.',
      );
    }
    const [input, weights] = [required(inputs, 0), required(inputs, 1)];
    const [out, depth] = weights.shape as [number, number];
    const rows = depth === 0 ? sizeOf(outputs[0]!.shape) / out : sizeOf(input.shape) / depth;
    return [
      evaluateProduct({
        input,
        weights,
        bias: inputs[2] ?? null,
        output: outputs[0]!,
        activation: options.fusedActivationFunction,
        hybridUnits: rows,
        hasWholeFactor: true,
        sum: (x, w) => {
          const sums = new Float64Array(rows * out);
          for (let row = 0; row < rows; row++) {
            for (let o = 0; o < out; o++) {
              let total = 0;
              for (let k = 0; k < depth; k++) total += x[row * depth + k]! * w[o * depth + k]!;
              sums[row * out + o] = total;
            }
          }
          return sums;
        },
      }),
    ];
  },

  /** x [..., n, k] times y [..., k, m], either one transposed by its adj option; batches broadcast. */
  BATCH_MATMUL: ({ inputs, outputs, options }) => {
    const [left, right] = [required(inputs, 0), required(inputs, 1)];
    const output = outputs[0]!;
    const [n, m] = output.shape.slice(-2) as [number, number];
    const depth = left.shape.at(options.adjX ? -2 : -1)!;
    const batch = output.shape.slice(0, -2);
    const atLeft = broadcastOffsets(left.shape.slice(0, -2), batch);
    const atRight = broadcastOffsets(right.shape.slice(0, -2), batch);
    const [row, alongX] = turned(left.shape, options.adjX);
    const [alongY, column] = turned(right.shape, options.adjY);
    return [
      evaluateProduct({
        input: left,
        weights: right,
        bias: null,
        output,
        activation: 0,
        hybridUnits: 0,
        sum: (x, y) => {
          const sums = new Float64Array(sizeOf(output.shape));
          for (let b = 0; b < atLeft.length; b++) {
            const fromX = atLeft[b]! * n * depth;
            const fromY = atRight[b]! * depth * m;
            for (let i = 0; i < n; i++) {
              for (let j = 0; j < m; j++) {
                let total = 0;
                for (let k = 0; k < depth; k++) {
                  total += x[fromX + i * row + k * alongX]! * y[fromY + k * alongY + j * column]!;
                }
                sums[(b * n + i) * m + j] = total;
              }
            }
          }
          return sums;
        },
      }),
    ];
  },
};

/** Strides of the last two dimensions, exchanged when the matrix is read transposed. */
function turned(shape: readonly number[], adjoint: boolean): readonly [number, number] {
  const [rows, columns] = stridesOf(shape).slice(-2) as [number, number];
  return adjoint ? [columns, rows] : [rows, columns];
}
