/** Depthwise convolutions in float32, one output channel per input channel. */
import type { Product } from '../../lower/numerics.js';
import type { Axis } from '../../lower/window.js';
import type { Emitter } from '../lowering.js';
import { emitWeightsF32 } from './product-f32.js';
import { windowArguments } from './window.js';

/** Weights [1, height, width, channels]; the axes may be those of some rows of input and output. */
export function emitDepthwiseF32(
  emit: Emitter,
  product: Product,
  [rows, columns]: readonly [Axis, Axis],
): void {
  const { input, output, activation } = product;
  const channels = input.type.shape[3] as number;
  const matrix = {
    items: 1,
    depth: rows.window * columns.window,
    columns: channels,
    itemStride: 0,
    depthStride: channels,
    columnStride: 1,
    biasStride: 0,
  };
  emit.call('depthwise_f32', {
    ...windowArguments(input.type.shape, rows, columns),
    ...activation,
    input: input.ref,
    output: output.ref,
    weights: emitWeightsF32(emit, product, matrix),
  });
}
