/** A short notation for the tensors of a case: `i8(2, 3).scaled(0.05, -3).constant()`. */
import type { DType, Quantization, TensorElements, TensorType } from '@linnet/schema';
import { elementsOf } from './elements.js';

/** What an operand holds: given elements, or uniform random ones in [low, high]. */
export type Contents =
  | { readonly kind: 'literal'; readonly values: readonly Literal[] }
  | {
      readonly kind: 'random';
      readonly low: number;
      readonly high: number;
      /** What floats are multiples of; nothing by default. */
      readonly grain?: number;
    };

export type Literal = number | bigint | string;

/** How a tensor gets into the model: from the caller, as a constant, or as state between runs. */
export type Role = 'input' | 'constant' | 'variable';

/** Ranges of random elements, wide enough to meet both signs, narrow enough not to overflow. */
const RANGES: { readonly [D in DType]?: readonly [number, number] } = {
  float32: [-2, 2],
  float16: [-2, 2],
  float64: [-2, 2],
  bool: [0, 1],
  int4: [-8, 7],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
};

/** An immutable description of a tensor; every method gives a new one. */
export class Operand {
  constructor(
    readonly type: TensorType,
    readonly contents: Contents,
    readonly role: Role = 'input',
  ) {}

  /** The elements, in order. */
  of(...values: Literal[]): Operand {
    return new Operand(this.type, { kind: 'literal', values }, this.role);
  }

  /** Random elements in [low, high]; floats may be multiples of some `grain`. */
  between(low: number, high: number, grain?: number): Operand {
    const contents = { kind: 'random', low, high, ...(grain !== undefined && { grain }) } as const;
    return new Operand(this.type, contents, this.role);
  }

  /** One scale and zero point for the whole tensor. */
  scaled(scale: number, zeroPoint = 0): Operand {
    return this.quantized({
      kind: 'affine',
      scale: Float32Array.of(scale),
      zeroPoint: Int32Array.of(zeroPoint),
      axis: 0,
    });
  }

  /** One scale per slice of a dimension, zero points 0. */
  scaledAlong(axis: number, ...scales: number[]): Operand {
    return this.quantized({
      kind: 'affine',
      scale: Float32Array.from(scales),
      zeroPoint: new Int32Array(scales.length),
      axis,
    });
  }

  /** A random scale for each `blockSize` elements of the last dimension: another tensor of the model. */
  inBlocks(blockSize: number): Operand {
    return this.quantized({ kind: 'blockwise', scales: -1, zeroPoints: -1, blockSize });
  }

  constant(): Operand {
    return new Operand(this.type, this.contents, 'constant');
  }

  /** State that starts as zeros. */
  variable(): Operand {
    return new Operand(this.type, this.contents, 'variable');
  }

  private quantized(quantization: Quantization): Operand {
    return new Operand({ ...this.type, quantization }, this.contents, this.role);
  }

  /** The elements; random ones follow from the seed alone. */
  elements(seed: string): TensorElements {
    return elementsOf(this.type, this.contents, seed);
  }
}

function operand(dtype: DType, shape: readonly number[]): Operand {
  const [low, high] = RANGES[dtype] ?? [-100, 100];
  return new Operand({ dtype, shape }, { kind: 'random', low, high });
}

export const f32 = (...shape: number[]): Operand => operand('float32', shape);
export const f16 = (...shape: number[]): Operand => operand('float16', shape);
export const i4 = (...shape: number[]): Operand => operand('int4', shape);
export const i8 = (...shape: number[]): Operand => operand('int8', shape);
export const u8 = (...shape: number[]): Operand => operand('uint8', shape);
export const i16 = (...shape: number[]): Operand => operand('int16', shape);
export const u16 = (...shape: number[]): Operand => operand('uint16', shape).between(0, 100);
export const i32 = (...shape: number[]): Operand => operand('int32', shape);
export const u32 = (...shape: number[]): Operand => operand('uint32', shape).between(0, 100);
export const i64 = (...shape: number[]): Operand => operand('int64', shape);
export const bool = (...shape: number[]): Operand => operand('bool', shape);
export const text = (...shape: number[]): Operand => operand('string', shape);
export const resource = (): Operand => operand('resource', []);

/** A constant vector of int32: the axes, shapes and sizes that steer an op. */
export const ints = (...values: number[]): Operand =>
  i32(values.length)
    .of(...values)
    .constant();

/** A constant int32 scalar. */
export const int = (value: number): Operand => i32().of(value).constant();
