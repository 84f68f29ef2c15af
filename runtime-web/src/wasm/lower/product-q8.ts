/** Emits products of 8-bit integers: sums as int32, then requantized or made real. */
import { invariant } from '@linnet/schema';
import { quantizedRange } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { combinedScale } from '../../lower/fixed-point.js';
import type { ByteNumerics, Channels, Product } from '../../lower/numerics.js';
import type { BufferRef, Operand } from '../../plan/lowering.js';
import type { ByteDot } from '../dot.js';
import type { Emitter } from '../lowering.js';
import { constantElements, type KnownWeights, type Matrices, packArguments } from './packing.js';
import {
  type DotPacking,
  itemBytesDot,
  itemBytesQ8,
  packDot,
  packQ8,
  padColumns,
} from './packing-q8.js';
import { blockArguments, isDirect, type Problem, problemArguments } from './problem.js';

/** Rows of the tiles of conv_q8 and conv_q8_dot. */
const TILE_ROWS = 4;
const DOT_TILE_ROWS = 6;

/** Emits all that a problem takes; `key` tells it apart from others with the same constants. */
export function emitProductQ8(
  emit: Emitter,
  product: Product,
  numerics: ByteNumerics,
  problem: Problem,
  key: string,
  dot: ByteDot,
): void {
  const { matrices } = problem;
  const { depth } = matrices;
  const output = product.output.ref;
  const form = dotForm(dot, product, numerics);
  if (form === null) {
    const wide = isWide(product.weights, numerics.channels);
    emit.call('conv_q8', {
      ...problemArguments(emit, problem, key, itemBytesQ8(matrices, wide)),
      ...blockArguments(emit, problem, 4 * Math.ceil(depth / 2), true, TILE_ROWS),
      ...requantization(emit, product, numerics, matrices),
      wide_weights: wide ? 1 : 0,
      weights: emitWeightsQ8(emit, product, numerics, matrices, wide),
      output,
    });
    return;
  }
  const direct = isDirect(problem);
  const gathers = !direct || form.block.flip !== 0 || matrices.depth % 4 !== 0;
  emit.call('conv_q8_dot', {
    ...problemArguments(emit, problem, key, itemBytesDot(matrices)),
    ...blockArguments(emit, problem, 4 * Math.ceil(depth / 4), gathers, DOT_TILE_ROWS),
    ...requantization(emit, product, numerics, matrices),
    ...form.block,
    direct: direct ? 1 : 0,
    weights: emitDot(product, form, JSON.stringify(matrices), (key, values) =>
      packDot(emit, key, values, form.packing, matrices),
    ),
    output,
  });
}

/** How a product runs by dot products of bytes: what its packing and its kernel must know. */
export interface DotForm {
  readonly packing: DotPacking;
  /** The fields of DOT in the kernels' declaration. */
  readonly block: { readonly weight_zero: number; readonly flip: number };
}

/** The form in which dot products give the exact sums of a product; null where none does. */
export function dotForm(
  dot: ByteDot,
  { weights, bias, input }: Product,
  numerics: ByteNumerics,
): DotForm | null {
  const isHybrid = numerics.kind === 'hybrid';
  const { zeroPoint } = numerics.channels;
  const [zero] = zeroPoint as unknown as readonly [number];
  if (dot === 'none' || constantElements(weights, isHybrid ? null : bias) === null) return null;
  if (zeroPoint.some((other) => other !== zero)) return null;
  const weightShift = weights.type.dtype === 'uint8' ? 128 : 0;
  const weightZero = zero - weightShift;
  // Sums of patches of unknown zero points would have to be scaled by both.
  if (isHybrid && weightZero !== 0) return null;
  const isUnsigned = input.type.dtype === 'uint8';
  const flip = isUnsigned !== (dot === 'unsigned');
  const shift = flip ? (isUnsigned ? -128 : 128) : 0;
  const inputZero = isHybrid ? null : numerics.input.zero + shift;
  return {
    packing: { weightZero, weightShift, inputZero },
    block: { weight_zero: weightZero, flip: flip ? 0x80 : 0 },
  };
}

/** Weights and biases of a product packed by `pack` for dot products; `layout` names what it does. */
export function emitDot(
  { weights, bias }: Product,
  { packing }: DotForm,
  layout: string,
  pack: (key: string, values: KnownWeights) => BufferRef,
): BufferRef {
  const addend = packing.inputZero === null ? null : bias;
  const values = constantElements(weights, addend);
  invariant(values, 'Weights of dot products are packed while planning.');
  return pack(`weights dot ${JSON.stringify(packing)} ${layout}`, values);
}

/**
 * Weights and biases packed as conv_q8 wants them: once, or on each run where they may change. The
 * biases of hybrid products are added later, as reals.
 */
export function emitWeightsQ8(
  emit: Emitter,
  { weights, bias: addend }: Product,
  numerics: ByteNumerics,
  matrices: Matrices,
  wide: boolean,
): BufferRef {
  const bias = numerics.kind === 'hybrid' ? null : addend;
  const { zeroPoint } = numerics.channels;
  const values = constantElements(weights, bias);
  if (values !== null) {
    const key = `weights q8 ${numerics.kind} ${wide} ${JSON.stringify(matrices)}`;
    return packQ8(emit, key, values, zeroPoint, matrices, wide);
  }
  invariant(wide, 'Weights that may change are packed as int16.');
  const packed = emit.scratch(matrices.items * itemBytesQ8(matrices, wide));
  emit.call('pack_q8', {
    ...packArguments(weights, bias, matrices),
    is_unsigned: weights.type.dtype === 'uint8' ? 1 : 0,
    wide: 1,
    zeros: null,
    zero: zeroPoint[0] as number,
    weights: packed,
  });
  return packed;
}

/** Whether weights less their zero points need int16: int8 does where the zero points are 0. */
function isWide({ type, value }: Operand, { zeroPoint }: Channels): boolean {
  return value === undefined || type.dtype === 'uint8' || zeroPoint.some((zero) => zero !== 0);
}

/** Elements of a row that one thread quantizes at a time. */
const ROW_CHUNK = 4096;

/** Emits the quantization of each of `rows` equal parts of a float32 tensor on its own. */
function emitRows(emit: Emitter, { ref, type }: Operand, rows: number) {
  const elements = count(type.shape);
  const block = { input: ref, rows, row_size: elements / rows, chunk: ROW_CHUNK };
  const chunks = Math.max(1, Math.ceil(block.row_size / ROW_CHUNK));
  const ranges = emit.scratch(8 * rows * chunks);
  emit.call('measure_rows', { ...block, ranges });
  const [input, row_params] = [emit.scratch(elements), emit.scratch(8 * rows)];
  emit.call('quantize_rows', { ...block, ranges, output: input, row_params });
  return { input, row_params };
}

/** The REQUANTIZATION fields of a kernel, and its input: quantized here in the hybrid form. */
export function requantization(
  emit: Emitter,
  product: Product,
  numerics: ByteNumerics,
  matrices: Pick<Matrices, 'items' | 'columns' | 'depth'>,
) {
  const { input, bias, activation } = product;
  const { scale } = numerics.channels;
  const weightScale = (column: number) => (scale.length === 1 ? scale[0] : scale[column]) as number;
  const columns = (name: string, value: (column: number) => number) =>
    emit.constant(`${name} ${scale} ${JSON.stringify(matrices)}`, () =>
      padColumns(matrices, value),
    );
  if (numerics.kind === 'hybrid') {
    const quantized = emitRows(emit, input, numerics.units);
    const biases = bias?.value as Float32Array | undefined;
    return {
      ...quantized,
      scales: columns('hybrid scales', weightScale),
      bias: columns('hybrid bias', (column) => biases?.[column] ?? 0),
      input_unsigned: 0,
      output_unsigned: 0,
      input_zero: 0,
      output_zero: 0,
      low: activation.low,
      high: activation.high,
      saturates: 0,
    };
  }
  const { input: from, output: to } = numerics;
  const { low, high } = quantizedRange(activation, to);
  const scaleOf = (weights: number) => combinedScale(from.scale, weights, to.scale);
  const isWhole = low === to.low && high === to.high;
  const most = mostReal(bias, matrices.depth, Array.from(scale, scaleOf));
  return {
    input: input.ref,
    scales: columns(`scales ${from.scale} ${to.scale}`, (column) => scaleOf(weightScale(column))),
    bias: null,
    row_params: null,
    input_unsigned: from.dtype === 'uint8' ? 1 : 0,
    output_unsigned: to.dtype === 'uint8' ? 1 : 0,
    input_zero: from.zero,
    output_zero: to.zero,
    low: low - to.zero,
    high: high - to.zero,
    saturates: isWhole && most < MOST_ROUNDED ? 1 : 0,
  };
}

/** Kernels round reals below this as they are: ROUNDING_ADDEND of include/simd.h. */
const MOST_ROUNDED = 2 ** 22;

/** Differences of two bytes. */
const MOST_BYTE = 255;

/** A bound of the results' magnitudes before they are limited, for any input and weights. */
function mostReal(bias: Operand | null, depth: number, scales: readonly number[]): number {
  const biases = bias === null ? new Int32Array() : (bias.value as Int32Array | undefined);
  if (biases === undefined) return Infinity;
  const mostBias = biases.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (depth * MOST_BYTE ** 2 + mostBias) * Math.max(...scales);
}
