/** Emits depthwise convolutions of int16. */
import type { TypedArray } from '@linnet/schema';
import type { Product } from '../../lower/numerics.js';
import type { Axis } from '../../lower/window.js';
import type { BufferRef } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { requantization, type WordNumerics } from './product-q16.js';
import type { windowArguments } from './window.js';

/** Channels of a block, and the most taps that the kernel sums up. */
const LANES = 8;
const MAX_TAPS = 510;

/** Weights [taps, channels] as depthwise_q16 wants them. */
function packBlocks(elements: TypedArray, taps: number, channels: number): Int16Array {
  const packed = new Int16Array(Math.ceil(channels / LANES) * taps * LANES);
  for (let block = 0; block * LANES < channels; block++) {
    const first = Math.min(block * LANES, channels - LANES);
    for (let tap = 0; tap < taps; tap++) {
      for (let lane = 0; lane < LANES; lane++) {
        const weight = elements[tap * channels + first + lane] as number;
        packed[(block * taps + tap) * LANES + lane] = weight;
      }
    }
  }
  return packed;
}

/**
 * Emits a depthwise convolution of one output per channel. False, with nothing emitted, for what has no
 * kernel of its own: weights of 16 bits, too many taps, too few channels for a block.
 */
export function emitDepthwiseQ16(
  emit: Emitter,
  product: Product,
  numerics: WordNumerics,
  [rows, columns]: readonly [rows: Axis, columns: Axis],
  window: ReturnType<typeof windowArguments> & { readonly output: BufferRef },
): boolean {
  const { value, type } = product.weights;
  const { channels } = window;
  const taps = rows.window * columns.window;
  if (value === undefined || type.dtype === 'int16') return false;
  if (channels < LANES || taps > MAX_TAPS) return false;
  emit.call('depthwise_q16', {
    ...window,
    ...requantization(emit, product, numerics, { items: 1, columns: channels }),
    input: product.input.ref,
    weights: emit.constant(`weights q16 depthwise ${taps} ${channels}`, () =>
      packBlocks(value, taps, channels),
    ),
  });
  return true;
}
