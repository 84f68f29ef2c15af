import {
  elementCount,
  formatType,
  LinnetError,
  type OpName,
  type OptionsOf,
  type TensorType,
} from '@linnet/schema';
import { BINARY } from './binary.js';
import { CONTROL } from './control.js';
import { CONVERT } from './convert.js';
import { CONVOLUTION } from './convolution.js';
import { GATHER } from './gather.js';
import { JOIN } from './join.js';
import type { Environment, ReferenceKernel, TensorValue } from './kernel.js';
import { LAYOUT } from './layout.js';
import { LSTM } from './lstm.js';
import { MATMUL } from './matmul.js';
import { NORMALIZE } from './normalize.js';
import { ORDER } from './order.js';
import { POOL } from './pool.js';
import { RECURRENT } from './recurrent.js';
import { REDUCE } from './reduce.js';
import { RESIZE } from './resize.js';
import { SHAPE } from './shape.js';
import { SLICE } from './slice.js';
import { SUPPRESSION } from './suppression.js';
import { UNARY } from './unary.js';

export type { Environment, ReferenceKernel, ReferenceSite, TensorValue } from './kernel.js';
export { VariableStore } from './variables.js';

/** The meaning of every op of the vocabulary. */
export const REFERENCE: { readonly [N in OpName]: ReferenceKernel<N> } = {
  ...UNARY,
  ...BINARY,
  ...CONVERT,
  ...NORMALIZE,
  ...REDUCE,
  ...ORDER,
  ...SHAPE,
  ...LAYOUT,
  ...RESIZE,
  ...JOIN,
  ...SLICE,
  ...GATHER,
  ...SUPPRESSION,
  ...CONVOLUTION,
  ...POOL,
  ...MATMUL,
  ...RECURRENT,
  ...LSTM,
  ...CONTROL,
};

/** Larger tensors would not fit into the typed arrays of float64 that kernels work in. */
const MAX_ELEMENTS = 2 ** 28;

/**
 * Evaluates one op. `outputTypes` are what the op's record infers from the inputs. Errors that
 * depend on the data are INVALID_ARGUMENT; forms that no kernel defines are UNSUPPORTED; outputs
 * that are absurdly large are OUT_OF_MEMORY.
 */
export function evaluate<N extends OpName>(
  op: N,
  options: OptionsOf<N>,
  inputs: readonly (TensorValue | null)[],
  outputTypes: readonly TensorType[],
  environment: Environment = PURE,
): readonly TensorValue[] {
  try {
    for (const type of outputTypes) {
      if ((elementCount(type.shape) ?? 0) <= MAX_ELEMENTS) continue;
      throw new LinnetError(
        'OUT_OF_MEMORY',
        `${formatType(type)} has more elements than the reference kernels take (${MAX_ELEMENTS}).`,
      );
    }
    return REFERENCE[op]({ options, inputs, outputs: outputTypes, environment });
  } catch (error) {
    throw error instanceof LinnetError ? error.at({ op }) : error;
  }
}

function impure(): never {
  throw new LinnetError('INVALID_ARGUMENT', 'Control flow and variables need a model to run in.');
}

/** The environment of ops that neither call subgraphs nor keep state. */
const PURE: Environment = {
  runSubgraph: impure,
  runOnce: impure,
  get variables() {
    return impure();
  },
};
