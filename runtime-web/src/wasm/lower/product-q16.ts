/** Emits products of int16: exact sums, requantized as stock kernels do with sums of 64 bits. */
import { invariant } from '@linnet/schema';
import { quantizedRange } from '../../lower/activation.js';
import { fixedFactor, reducedMultiplier } from '../../lower/fixed-point.js';
import type { Numerics, Product } from '../../lower/numerics.js';
import type { BufferRef } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { type Matrices, packArguments, paddedColumns } from './packing.js';
import { itemBytesQ8, packQ8 } from './packing-q8.js';
import { blockArguments, isDirect, type Problem, problemArguments } from './problem.js';

export type WordNumerics = Extract<Numerics, { kind: 'words' }>;

/** Rows of conv_q16's tiles. */
const TILE_ROWS = 4;

/** Emits all that a problem takes; `key` tells it apart from others with the same constants. */
export function emitProductQ16(
  emit: Emitter,
  product: Product,
  numerics: WordNumerics,
  problem: Problem,
  key: string,
): void {
  const { matrices } = problem;
  const { depth } = matrices;
  const direct = isDirect(problem) && depth % 2 === 0;
  const planes = product.weights.type.dtype === 'int16' ? 2 : 1;
  const itemBytes = planes === 1 ? itemBytesQ8(matrices, false) : planeBytes(matrices);
  emit.call('conv_q16', {
    ...problemArguments(emit, problem, key, itemBytes),
    ...blockArguments(emit, problem, 4 * Math.ceil(depth / 2), !direct, TILE_ROWS),
    ...requantization(emit, product, numerics, matrices),
    input: product.input.ref,
    weights: planes === 1 ? packed(emit, product, matrices) : packedPlanes(emit, product, matrices),
    output: product.output.ref,
    direct: direct ? 1 : 0,
    planes,
  });
}

/** Bytes of one item's int16 weights in the layout of conv_q16. */
function planeBytes({ depth, columns }: Matrices): number {
  return paddedColumns(columns) * 8 * Math.ceil(depth / 2);
}

function packed(emit: Emitter, { weights: { value } }: Product, matrices: Matrices): BufferRef {
  invariant(value, '8-bit weights of int16 products are constants.');
  const key = `weights q16 ${JSON.stringify(matrices)}`;
  return packQ8(emit, key, { weights: value, bias: null }, Int32Array.of(0), matrices, false);
}

function packedPlanes(emit: Emitter, { weights }: Product, matrices: Matrices): BufferRef {
  const planes = emit.scratch(matrices.items * planeBytes(matrices));
  const { bias: _, bias_stride: __, ...block } = packArguments(weights, null, matrices);
  emit.call('pack_q16', { ...block, weights: planes });
  return planes;
}

/** What a sum of products is multiplied by, and what is added, before it is rounded half to even. */
interface Rescaling {
  readonly factor: number;
  readonly addend: number;
}

/** What makes a tie that a factor gives more than one. */
const TIE = 2 ** -36;

/**
 * How stock kernels scale a sum of 64 bits: by 15 bits of the factor, half up. Source:
 * MultiplyByQuantizedMultiplier of TFLite's common.h.
 */
function byReducedFactor(real: number, bias: number): Rescaling {
  const fixed = fixedFactor(real);
  const multiplier = reducedMultiplier(fixed);
  const unit = 2 ** (fixed.shift - 15);
  return { factor: multiplier * unit, addend: (bias * multiplier + 0.5) * unit };
}

/** In float64, half away from zero: a last bit more decides ties. */
function byWholeFactor(real: number, bias: number): Rescaling {
  const factor = real * (1 + 2 ** -52);
  return { factor, addend: bias * factor };
}

/**
 * By a factor of 31 bits, rounded half up to whole numbers before and after its division by a power of
 * two: as much as adding half a unit of that division, and rounding once.
 */
function byTwoRoundings(real: number): Rescaling {
  const { multiplier, shift } = fixedFactor(real);
  const first = shift < 0 ? 2 ** (shift - 1) : 0;
  return { factor: multiplier * 2 ** (shift - 31), addend: first + TIE };
}

/**
 * The WORDS fields of a kernel. Convolutions combine scales in float64, as do fully connected layers with
 * one for each output; other products in float32. Source: PopulateConvolutionQuantizationParams and
 * GetQuantizedConvolutionMultipler of TFLite's kernel_util.cc.
 */
export function requantization(
  emit: Emitter,
  { bias, activation, channelAxis, hasWholeFactor }: Product,
  { input, output, scale }: WordNumerics,
  matrices: Pick<Matrices, 'items' | 'columns'>,
) {
  const biases = (bias?.value ?? null) as BigInt64Array | null;
  const rescaling = (channel: number): Rescaling => {
    const product = input.scale * ((scale.length === 1 ? scale[0] : scale[channel]) as number);
    const isSingle = channelAxis === null || (hasWholeFactor && scale.length === 1);
    const real = (isSingle ? Math.fround(product) : product) / output.scale;
    const own = Number(biases?.[channel] ?? 0);
    if (!hasWholeFactor) return byReducedFactor(real, own);
    return biases === null ? byTwoRoundings(real) : byWholeFactor(real, own);
  };
  const key = `q16 ${input.scale} ${scale} ${output.scale} ${JSON.stringify(matrices)}`;
  const table = (field: keyof Rescaling) =>
    emit.constant(`${field} ${key}`, () => {
      const padded = paddedColumns(matrices.columns);
      const values = new Float64Array(matrices.items * padded);
      for (let item = 0; item < matrices.items; item++) {
        for (let n = 0; n < matrices.columns; n++) {
          values[item * padded + n] = rescaling(item * matrices.columns + n)[field];
        }
      }
      return values;
    });
  return {
    factors: table('factor'),
    addends: table('addend'),
    ...quantizedRange(activation, output),
  };
}
