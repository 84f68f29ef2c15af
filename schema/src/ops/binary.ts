import { AddOptions, DivOptions, MulOptions, SubOptions } from '../generated/options.js';
import type { TensorType } from '../tensor-type.js';
import { defineOp } from './op.js';
import { type AnySite, broadcast, computedDtype, input, output, requireSameDtype } from './site.js';

export const TWO = { inputs: [2, 2], outputs: [1, 1] } as const;

/** Two operands of one dtype, broadcast against each other. */
export function arithmetic(site: AnySite): readonly TensorType[] {
  requireSameDtype(site, 0, 1);
  const a = input(site, 0, 'operand');
  const b = input(site, 1, 'operand');
  return [output(site, 0, computedDtype(site, a.dtype), broadcast(a.shape, b.shape))];
}

/** Elementwise ops of several operands, which broadcast unless the op says otherwise. */
export const BINARY_OPS = {
  ADD: defineOp({
    ...TWO,
    options: AddOptions,
    infer: arithmetic,
  }),
  SUB: defineOp({
    ...TWO,
    options: SubOptions,
    infer: arithmetic,
  }),
  MUL: defineOp({
    ...TWO,
    options: MulOptions,
    infer: arithmetic,
  }),
  DIV: defineOp({
    ...TWO,
    options: DivOptions,
    infer: arithmetic,
  }),
};
