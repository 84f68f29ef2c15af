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
import { channelLayout } from '../../lower/quantization.js';
import type { BufferRef, LowerSite, Operand } from '../../plan/lowering.js';
import type { Emitter, Lowering } from '../lowering.js';
import type { IntegerKernels } from './integers.js';

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
export function affine({ quantization, shape }: TensorType): AffineQuantization | null {
  if (quantization?.kind !== 'affine') return null;
  const channels = quantization.scale.length;
  if (channels === 0 || quantization.zeroPoint.length !== channels) return null;
  if (channels > 1 && shape[quantization.axis] !== channels) return null;
  return quantization;
}

export function quantizationBlock(
  emit: Emitter,
  { shape }: TensorType,
  parameters: AffineQuantization,
) {
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
export function emitDequantize(emit: Emitter, from: Operand, to: BufferRef): void {
  if (count(from.type.shape) === 0) return;
  const block = quantizationBlock(emit, from.type, affine(from.type) as AffineQuantization);
  const kernel = EXPANDABLE[from.type.dtype as keyof typeof EXPANDABLE];
  emit.call(`dequantize_${kernel}`, { x: from.ref, y: to, ...block });
}

function ends<N extends OpName>(site: LowerSite<N>): readonly [Operand, Operand] {
  return [site.inputs[0] as Operand, site.outputs[0] as Operand];
}

const none: Lowering<'QUANTIZE'> = { supports: () => false, lower: () => {} };

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

/** Given what integers take, for models that have some: nothing is quantized in others. */
export const conversionLowerings = (integers: IntegerKernels | null) =>
  ({
    QUANTIZE: integers?.quantize ?? none,
    DEQUANTIZE: dequantize,
    CAST: cast,
  }) as const;
