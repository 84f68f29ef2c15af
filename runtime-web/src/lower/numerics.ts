/** In which arithmetic a sum of products runs, by the types of what goes in and out. */
import type { DType, TensorType } from '@linnet/schema';
import type { Operand } from '../plan/lowering.js';
import type { Range } from './activation.js';
import { type PerTensor, perTensor } from './quantization.js';

/** The operands of a convolution, a matrix product or the like. */
export interface Product {
  readonly input: Operand;
  readonly weights: Operand;
  readonly bias: Operand | null;
  readonly output: Operand;
  readonly activation: Range;
  /** The dimension of the weights that output channels are counted in; null: per tensor only. */
  readonly channelAxis: number | null;
  /**
   * Slices of the input that are quantized each on its own when only weights are integers; null
   * where the op has no such form.
   */
  readonly units: number | null;
  /** Stock kernels scale sums of int16 by the whole factor here, not by 15 bits of it. */
  readonly hasWholeFactor?: true;
}

/** Weights that are integers, with what makes the sums of an output channel real. */
export interface Channels {
  /** One, or one per output channel. */
  readonly scale: Float32Array;
  readonly zeroPoint: Int32Array;
}

export type Numerics =
  | { readonly kind: 'float32' }
  | {
      readonly kind: 'integer';
      readonly input: PerTensor;
      readonly output: PerTensor;
      readonly channels: Channels;
    }
  | { readonly kind: 'hybrid'; readonly units: number; readonly channels: Channels }
  | {
      /** int16 activations of zero point 0, weights of 8 or (one scale) 16 bits, sums of 64 bits. */
      readonly kind: 'words';
      readonly input: PerTensor;
      readonly output: PerTensor;
      readonly scale: Float32Array;
    };

/** Whether products of some dtypes may have other numerics than float32, or weights in blocks of integers. */
export function hasIntegers(dtypes: ReadonlySet<DType>): boolean {
  return (['int4', 'int8', 'uint8', 'int16'] as const).some((dtype) => dtypes.has(dtype));
}

/** Arithmetic on 8-bit integers, the input's own or made at run time. */
export type ByteNumerics = Extract<Numerics, { kind: 'integer' | 'hybrid' }>;

/** The arithmetic that kernels have for a product; null when they have none. */
export function numericsOf(product: Product): Numerics | null {
  const { input, weights, bias, output, units } = product;
  const isFloat = [input, weights, output, ...(bias ? [bias] : [])].every(
    ({ type }) => type.dtype === 'float32',
  );
  if (isFloat) return { kind: 'float32' };
  if (input.type.dtype === 'int16') return wordsOf(product);
  const channels = channelsOf(product);
  if (channels === null) return null;
  if (input.type.dtype === 'float32' && output.type.dtype === 'float32') {
    const isHybrid =
      units !== null && weights.value !== undefined && weights.type.dtype !== 'uint8';
    const hasBias = bias === null || (bias.type.dtype === 'float32' && bias.value !== undefined);
    return isHybrid && hasBias ? { kind: 'hybrid', units, channels } : null;
  }
  const [x, y] = [bytes(input.type), bytes(output.type)];
  if (x === null || y === null || (bias !== null && bias.type.dtype !== 'int32')) return null;
  return { kind: 'integer', input: x, output: y, channels };
}

/** Products of int16 in the form in which stock kernels sum up in 64 bits; null for others. */
function wordsOf(product: Product): Numerics | null {
  const { weights, bias } = product;
  const [x, y] = [words(product.input.type), words(product.output.type)];
  if (x === null || y === null) return null;
  const hasBias = bias === null || (bias.type.dtype === 'int64' && bias.value !== undefined);
  if (!hasBias) return null;
  if (weights.type.dtype === 'int16') {
    const right = words(weights.type);
    return right && { kind: 'words', input: x, output: y, scale: Float32Array.of(right.scale) };
  }
  const channels = weights.value === undefined ? null : channelsOf(product);
  const isSymmetric = channels?.zeroPoint.every((zero) => zero === 0);
  return isSymmetric
    ? { kind: 'words', input: x, output: y, scale: channels?.scale as Float32Array }
    : null;
}

/** The quantization of an int16 tensor of zero point 0; null for anything else. */
function words(type: TensorType): PerTensor | null {
  const quantization = type.dtype === 'int16' ? perTensor(type) : null;
  return quantization?.zero === 0 ? quantization : null;
}

/** The quantization of an 8-bit tensor as a whole; null for anything else. */
function bytes(type: TensorType): PerTensor | null {
  return type.dtype === 'int8' || type.dtype === 'uint8' ? perTensor(type) : null;
}

function channelsOf({ weights: { type, value }, channelAxis }: Product): Channels | null {
  const { dtype, quantization, shape } = type;
  if (dtype !== 'int8' && dtype !== 'uint8' && dtype !== 'int4') return null;
  if (quantization?.kind !== 'affine') return null;
  const { scale, zeroPoint, axis } = quantization;
  if (scale.length === 0 || scale.length !== zeroPoint.length) return null;
  const isPerChannel = scale.length > 1;
  if (isPerChannel && (axis !== channelAxis || shape[axis] !== scale.length)) return null;
  // Weights that are packed when the model runs have one byte each and one zero point.
  const hasOneZero = zeroPoint.every((zero) => zero === zeroPoint[0]);
  if (value === undefined && (dtype === 'int4' || !hasOneZero)) return null;
  return { scale, zeroPoint };
}
