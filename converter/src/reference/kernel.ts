import type { DType, OpName, OptionsOf, Quantization, TensorElements, TensorType } from '@linnet/schema';

/** A tensor with its contents. `elements` has one entry per element (int4 unpacked). */
export interface TensorValue {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly quantization?: Quantization;
  readonly elements: TensorElements;
}

/** What control flow and state need from whoever evaluates a model. */
export interface Environment {
  /** Runs subgraph `index` of the model on positional inputs. */
  runSubgraph(index: number, inputs: readonly TensorValue[]): readonly TensorValue[];
  /** Resource variables by (container, shared name), for one model instance. */
  readonly variables: Map<string, TensorValue>;
}

export interface ReferenceSite<N extends OpName> {
  readonly options: OptionsOf<N>;
  readonly inputs: readonly (TensorValue | null)[];
  /** Inferred from the inputs' types and values; dimensions of data-dependent ops may be unknown. */
  readonly outputs: readonly TensorType[];
  readonly environment: Environment;
}

/**
 * The meaning of one op, written to be read: no tiling, no vectors, one loop nest. It is the
 * oracle of every fast kernel and evaluates constants. Computes in float64 or exact integers
 * unless the op's definition says otherwise, and rounds once, to the output's dtype.
 */
export type ReferenceKernel<N extends OpName> = (site: ReferenceSite<N>) => readonly TensorValue[];
