import type { Model, OpName, OptionsOf } from '@linnet/schema';
import type { Literal, Operand } from './operand.js';

/** How far an output may be from the expectation. */
export interface Tolerance {
  /** For floats: |a - e| <= absolute + relative * |e|. */
  readonly absolute: number;
  readonly relative: number;
  /** For quantized integers: |a - e| in stored steps. */
  readonly steps: number;
}

/** One application of an op to small inputs. */
export interface CaseSpec<N extends OpName> {
  /** Unique among the op's cases. */
  readonly name: string;
  readonly inputs: readonly (Operand | null)[];
  /** Their dtypes and quantization; shapes are inferred. */
  readonly outputs: readonly Operand[];
  /** Types of what the op keeps inside: the integer LSTM's scales. */
  readonly intermediates?: readonly Operand[];
  /** Laid over the op's defaults. */
  readonly options?: Partial<OptionsOf<N>>;
  /** Times the model runs on the same inputs; the last run's outputs count. 1 by default. */
  readonly runs?: number;
  /** Replaces the op's own tolerance against stock TFLite. */
  readonly tolerance?: Partial<Tolerance>;
  /** Why stock TFLite's answer is not the expectation; then `expected` or the reference is. */
  readonly notStock?: string;
  /** Elements of each output, worked out by hand. */
  readonly expected?: readonly (readonly Literal[])[];
  /** For ops that need more than one node: the whole model; `inputs` are its inputs. */
  readonly model?: () => Model;
}

/** The reason of cases that give every thread work: their answers would swell the record. */
export const TOO_LARGE = 'its answer is too large to be recorded';

/** The cases of some ops. */
export type CaseFamily<N extends OpName> = { readonly [K in N]: readonly CaseSpec<K>[] };
