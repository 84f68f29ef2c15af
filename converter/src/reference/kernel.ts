import type {
  DType,
  OpName,
  OptionsOf,
  Quantization,
  TensorElements,
  TensorType,
} from '@linnet/schema';
import type { VariableStore } from './variables.js';

/**
 * A tensor with its contents. `elements` has one entry per element (int4 and int2 unpacked,
 * float16 as bit patterns, strings as bytes). Kernels never write to the elements of an input,
 * except to the variable tensors that hold the state of recurrent ops.
 */
export interface TensorValue {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly quantization?: Quantization;
  readonly elements: TensorElements;
  /** Whether it is state, which nodes that read it may update. */
  readonly isVariable?: boolean;
}

/** What control flow and state need from whoever evaluates a model. */
export interface Environment {
  /** Runs subgraph `index` of the model on positional inputs. */
  runSubgraph(index: number, inputs: readonly TensorValue[]): readonly TensorValue[];
  /** Runs subgraph `index`, which has no inputs, unless this model instance has already done so. */
  runOnce(index: number): void;
  /** Resource variables of one model instance. */
  readonly variables: VariableStore;
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

/** The reference kernels of some of the ops; the families together make up the whole table. */
export type ReferenceFamily<N extends OpName> = { readonly [K in N]: ReferenceKernel<K> };
