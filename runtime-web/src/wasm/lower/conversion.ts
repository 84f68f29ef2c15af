/** Conversions between element types, and to and from quantized integers. */
import type { KernelName } from '@linnet/runtime-wasm';
import {
  type AffineQuantization,
  type DType,
  dtypeCode,
  type OpName,
  type TensorType,
} from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { channelLayout, isQuantizedDType, QUANTIZED } from '../../lower/quantization.js';
import type { BufferRef, LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import type { IntegerKernels } from './integers.js';
import { emitLookup } from './table.js';

type DirectCast = Extract<KernelName, `cast_${string}`>;

/** The conversions with a kernel of their own; the others go through `cast`. */
const DIRECT_CASTS: ReadonlyMap<string, DirectCast> = new Map([
  ['float16 float32', 'cast_f16_f32'],
  ['float32 int32', 'cast_f32_i32'],
  ['int32 float32', 'cast_i32_f32'],
  ['int32 int64', 'cast_i32_i64'],
  ['int64 int32', 'cast_i64_i32'],
]);

const CASTABLE = [
  'float32',
  'float16',
  'bfloat16',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
] as const satisfies readonly DType[];

function isCastable(dtype: DType): boolean {
  return (CASTABLE as readonly DType[]).includes(dtype);
}

/** Emits the conversion of `elements` elements by value, whatever their quantization. */
export function emitCast(
  emit: Emitter,
  elements: number,
  from: { readonly dtype: DType; readonly ref: BufferRef },
  to: { readonly dtype: DType; readonly ref: BufferRef },
): void {
  const kernel = DIRECT_CASTS.get(`${from.dtype} ${to.dtype}`);
  const block = { x: from.ref, y: to.ref, count: elements };
  if (kernel !== undefined) emit.call(kernel, block);
  else emit.call('cast', { ...block, from: dtypeCode(from.dtype), to: dtypeCode(to.dtype) });
}

/** The affine quantization of a type, if kernels can take it. */
function affine({ quantization, shape }: TensorType): AffineQuantization | null {
  if (quantization?.kind !== 'affine') return null;
  const channels = quantization.scale.length;
  if (channels === 0 || quantization.zeroPoint.length !== channels) return null;
  if (channels > 1 && shape[quantization.axis] !== channels) return null;
  return quantization;
}

function quantizationBlock(emit: Emitter, { shape }: TensorType, parameters: AffineQuantization) {
  const { scale, zeroPoint } = parameters;
  return {
    scale: emit.constant(`scale ${scale}`, () => scale),
    zero: emit.constant(`zero ${zeroPoint}`, () => zeroPoint),
    ...channelLayout(shape, parameters),
    count: count(shape),
  };
}

/** The integers that kernels expand to float32: quantized activations and weights, and biases. */
const EXPANDABLE = { int8: 'i8', uint8: 'u8', int16: 'i16', int32: 'i32', int64: 'i64' } as const;

/** Whether `emitDequantize` can expand a type. */
export function canDequantize(type: TensorType): boolean {
  return affine(type) !== null && type.dtype in EXPANDABLE;
}

/** Emits the float32 form of a quantized tensor. */
function emitDequantize(emit: Emitter, from: Operand, to: BufferRef): void {
  if (count(from.type.shape) === 0) return;
  const block = quantizationBlock(emit, from.type, affine(from.type) as AffineQuantization);
  const kernel = EXPANDABLE[from.type.dtype as keyof typeof EXPANDABLE];
  emit.call(`dequantize_${kernel}`, { x: from.ref, y: to, ...block });
}

/** Emits the quantization of float32 elements to the type of `to`. */
function emitQuantize(emit: Emitter, from: BufferRef, to: Operand): void {
  if (count(to.type.shape) === 0) return;
  const { kernel, low, high } = QUANTIZED[to.type.dtype as keyof typeof QUANTIZED];
  const block = quantizationBlock(emit, to.type, affine(to.type) as AffineQuantization);
  emit.call(`quantize_${kernel}`, { x: from, y: to.ref, ...block, low, high });
}

function ends<N extends OpName>(site: LowerSite<N>): readonly [Operand, Operand] {
  return [site.inputs[0] as Operand, site.outputs[0] as Operand];
}

/** Float32 or float16 to quantized integers; quantized integers to others. */
const quantize = (integers: IntegerKernels | null): Lowering<'QUANTIZE'> => ({
  supports(site) {
    const [input, output] = ends(site);
    const { dtype } = input.type;
    const canRead = dtype === 'float32' || dtype === 'float16' || canDequantize(input.type);
    return canRead && affine(output.type) !== null && isQuantizedDType(output.type.dtype);
  },
  lower(site, emit) {
    const [input, output] = ends(site);
    const elements = count(input.type.shape);
    if (input.type.dtype === 'float32') return emitQuantize(emit, input.ref, output);
    const table = integers?.tableOf(site);
    if (table) return emitLookup(emit, elements, input.ref, output.ref, table);
    const emitWords = integers?.wordsOf(site);
    if (emitWords) return emitWords(emit);
    const float = emit.scratch(4 * elements);
    if (input.type.dtype === 'float16') {
      emitCast(
        emit,
        elements,
        { dtype: 'float16', ref: input.ref },
        { dtype: 'float32', ref: float },
      );
    } else {
      emitDequantize(emit, input, float);
    }
    emitQuantize(emit, float, output);
  },
});

const dequantize: Lowering<'DEQUANTIZE'> = {
  supports(site) {
    const [{ type }, output] = ends(site);
    const canRead = type.dtype === 'float16' || canDequantize(type);
    return canRead && output.type.dtype === 'float32';
  },
  lower(site, emit) {
    const [input, output] = ends(site);
    if (input.type.dtype !== 'float16') return emitDequantize(emit, input, output.ref);
    emitCast(
      emit,
      count(input.type.shape),
      { dtype: 'float16', ref: input.ref },
      { dtype: 'float32', ref: output.ref },
    );
  },
};

const cast: Lowering<'CAST'> = {
  supports(site) {
    const [input, output] = ends(site);
    return isCastable(input.type.dtype) && isCastable(output.type.dtype);
  },
  lower(site, emit) {
    const [input, output] = ends(site);
    emitCast(
      emit,
      count(input.type.shape),
      { dtype: input.type.dtype, ref: input.ref },
      { dtype: output.type.dtype, ref: output.ref },
    );
  },
};

/**
 * The range of FAKE_QUANT moved so that 0 is one of its levels.
 * In float32 step by step, which decides how the zero point of a symmetric range rounds.
 * Source: TensorFlow's fake_quant_with_min_max_args ("nudging").
 */
function nudgedRange({ min, max, numBits, narrowRange }: LowerSite<'FAKE_QUANT'>['options']) {
  const lowest = narrowRange ? 1 : 0;
  const highest = 2 ** numBits - 1;
  const scale = Math.fround(Math.fround(max - min) / (highest - lowest));
  const zero = Math.fround(lowest - Math.fround(min / scale));
  const nudged = Math.min(Math.max(Math.round(zero), lowest), highest);
  return { scale, low: (lowest - nudged) * scale, high: (highest - nudged) * scale };
}

const fakeQuant: Lowering<'FAKE_QUANT'> = {
  supports(site) {
    const [{ type }] = ends(site);
    const { min, max, numBits } = site.options;
    return type.dtype === 'float32' && min < max && numBits >= 2 && numBits <= 16;
  },
  lower(site, emit) {
    const [input, output] = ends(site);
    const block = { x: input.ref, y: output.ref, count: count(input.type.shape) };
    emit.call('fake_quant_f32', { ...block, ...nudgedRange(site.options) });
  },
};

export const conversionLowerings = (integers: IntegerKernels | null) =>
  ({
    QUANTIZE: quantize(integers),
    DEQUANTIZE: dequantize,
    CAST: cast,
    FAKE_QUANT: fakeQuant,
  }) as const;
