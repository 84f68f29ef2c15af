/** What lowerings may choose by. */
export interface Traits {
  /** float16 arithmetic, other than by conversions from and to float32. */
  readonly hasF16: boolean;
  readonly hasSubgroups: boolean;
  /** Dot products of four packed bytes as an instruction of the language. */
  readonly hasByteDot: boolean;
  /** Whether the adapter computes on the CPU. */
  readonly isSoftware: boolean;
  readonly maxBindingBytes: number;
  readonly maxBindings: number;
  readonly maxInvocations: number;
  readonly maxSharedBytes: number;
}

/**
 * What every device can do.
 * Source: https://www.w3.org/TR/webgpu/#limits
 */
export const LEAST_TRAITS: Traits = {
  hasF16: false,
  hasSubgroups: false,
  hasByteDot: false,
  isSoftware: false,
  maxBindingBytes: 128 * 2 ** 20,
  maxBindings: 8,
  maxInvocations: 256,
  maxSharedBytes: 16384,
};
