import type { DType, TensorElements } from '@linnet/schema';

/** An input or output as users see it. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  /** UNKNOWN_DIM where the caller chooses. */
  readonly shape: readonly number[];
}

/** A named way into a model. */
export interface SignatureInfo {
  /** Empty when the file does not name its entry point. */
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
