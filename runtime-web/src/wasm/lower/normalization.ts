/** Ops that normalize each row along the last dimension. */
import type { OpName } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import type { IntegerKernels } from './integers.js';

export function isFloat(site: LowerSite<OpName>): boolean {
  return inputOf(site, 0).type.dtype === 'float32' && outputOf(site).type.dtype === 'float32';
}

/** Each row along the last dimension. */
export function rowsBlock(site: LowerSite<OpName>) {
  const { shape } = inputOf(site, 0).type;
  const depth = shape.at(-1) ?? 1;
  return { x: inputOf(site, 0).ref, y: outputOf(site).ref, rows: count(shape.slice(0, -1)), depth };
}

const softmax = (integers: IntegerKernels | null): Lowering<'SOFTMAX'> => ({
  supports: (site) =>
    site.options.beta >= 0 && (isFloat(site) || integers?.softmaxOf(site) != null),
  lower(site, emit) {
    const emitQuantized = integers?.softmaxOf(site);
    if (emitQuantized) return emitQuantized(emit);
    emit.call('softmax_f32', { ...rowsBlock(site), beta: site.options.beta });
  },
});

/** A MEAN into which layer normalization is folded. */
export const layerNormalization: Lowering<'MEAN'> = {
  supports: (site) =>
    [...site.inputs, ...site.outputs].every(
      (operand) => operand === null || operand.type.dtype === 'float32',
    ),
  lower(site, emit) {
    const { depth, epsilon } = site.fused.normalization ?? { depth: 1, epsilon: 0 };
    const x = inputOf(site, 0);
    emit.call('layer_normalize_f32', {
      x: x.ref,
      y: outputOf(site).ref,
      rows: count(x.type.shape) / depth,
      depth,
      gamma: site.inputs[1]?.ref ?? null,
      beta: site.inputs[2]?.ref ?? null,
      epsilon,
    });
  },
};

/** Given what integers take, for models that have some. */
export const normalizationLowerings = (integers: IntegerKernels | null) =>
  ({
    SOFTMAX: softmax(integers),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
