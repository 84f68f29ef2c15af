/** What kernels report, as errors. */
import { FAULTS, type FaultKind } from '@linnet/runtime-wasm';
import { type ErrorCode, LinnetError } from '@linnet/schema';
import type { NodeLabel } from './plan.js';

/** A value that a kernel cannot work with. */
export interface Fault {
  /** A number of FAULTS. */
  readonly kind: number;
  readonly value: bigint;
  readonly bound: bigint;
}

const MESSAGES: { readonly [K in FaultKind]: (fault: Fault) => string } = {
  index: ({ value, bound }) => `Index ${value} is outside a dimension of ${bound}.`,
  segment: ({ value, bound }) => `Segment ${value} is beyond the ${bound} there are.`,
  length: ({ value, bound }) =>
    `A sequence of ${value} steps does not lie in a dimension of ${bound}.`,
  division: () => 'An integer is divided by zero.',
  exponent: ({ value }) => `An integer is raised to ${value}; exponents have to be 0 or more.`,
};

const KINDS = Object.keys(FAULTS) as FaultKind[];

/**
 * The error for a value that a kernel cannot work with; `code` says whose it is, the caller's
 * (INVALID_ARGUMENT) or, where everything is known before a run, the model's (INVALID_MODEL).
 */
export function faultError(
  fault: Fault,
  { name, op }: NodeLabel,
  code: Extract<ErrorCode, 'INVALID_ARGUMENT' | 'INVALID_MODEL'>,
): LinnetError {
  const kind = KINDS.find((candidate) => FAULTS[candidate] === fault.kind) as FaultKind;
  return new LinnetError(code, MESSAGES[kind](fault), { node: name, op });
}
