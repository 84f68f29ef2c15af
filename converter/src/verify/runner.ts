import type { DType, TensorElements } from '@linnet/schema';

export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  /** UNKNOWN_DIM where the caller chooses. */
  readonly shape: readonly number[];
}

export interface SignatureInfo {
  readonly key: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** A tensor that goes into or comes out of a run; float16 elements are bit patterns. */
export interface ArrayValue {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorElements;
}

/** A model that is ready to run, whatever runs it. */
export interface Runner {
  /** At least one. */
  readonly signatures: readonly SignatureInfo[];
  /** What runs it, for people: `wasm (relaxed), 4 threads`. */
  readonly description: string;
  /**
   * @param signature key; may be left out when there is only one
   * @throws LinnetError INVALID_ARGUMENT when an input is missing, unknown or does not fit
   */
  run(
    inputs: Readonly<Record<string, ArrayValue>>,
    signature?: string,
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, ArrayValue>>>;
  dispose(): void;
}
