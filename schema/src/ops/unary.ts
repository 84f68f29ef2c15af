import { SoftmaxOptions } from '../generated/options.js';
import type { TensorType } from '../tensor-type.js';
import { defineOp, type NoOptions, type OpRecord } from './op.js';
import { type AnySite, computedDtype, input, inputOfRank, output } from './site.js';

export const ONE = { inputs: [1, 1], outputs: [1, 1] } as const;

/** One input, one output of the same shape. */
export function sameShape(site: AnySite): readonly TensorType[] {
  const { dtype, shape } = input(site, 0, 'input');
  return [output(site, 0, computedDtype(site, dtype), shape)];
}

export function unary(): OpRecord<NoOptions> {
  return defineOp({
    ...ONE,
    options: null,
    infer: sameShape,
  });
}

/** Ops that compute each element, or each vector along the last dimension, from the input alone. */
export const UNARY_OPS = {
  RELU: unary(),
  RELU6: unary(),
  HARD_SWISH: unary(),
  LOGISTIC: unary(),
  TANH: unary(),
  SOFTMAX: defineOp({
    ...ONE,
    options: SoftmaxOptions,
    infer: (site) => {
      inputOfRank(site, 0, 'logits', 1, Infinity);
      return sameShape(site);
    },
  }),
};
