/** In which arithmetic a sum of products runs, by the types of what goes in and out. */
import type { DType } from '@linnet/schema';
import type { Operand } from '../plan/lowering.js';
import type { Range } from './activation.js';
import type { PerTensor } from './quantization.js';

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
  return (['int2', 'int4', 'int8', 'uint8', 'int16'] as const).some((dtype) => dtypes.has(dtype));
}

/** Arithmetic on integers; integer-numerics.ts tells which. */
export type IntegerNumerics = Exclude<Numerics, { kind: 'float32' }>;

/** Arithmetic on 8-bit integers, the input's own or made at run time. */
export type ByteNumerics = Extract<Numerics, { kind: 'integer' | 'hybrid' }>;

/** Whether a product is of float32 alone. */
export function isFloatProduct({ input, weights, bias, output }: Product): boolean {
  return [input, weights, output, ...(bias ? [bias] : [])].every(
    ({ type }) => type.dtype === 'float32',
  );
}
