/** Ops on rows along the last dimension that few models have. */
import type { OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { emitActivation } from './activation.js';
import { isFloat, rowsBlock } from './normalization.js';

const logSoftmax: Lowering<'LOG_SOFTMAX'> = {
  supports: isFloat,
  lower: (site, emit) => emit.call('log_softmax_f32', rowsBlock(site)),
};

const l2Normalization: Lowering<'L2_NORMALIZATION'> = {
  supports: isFloat,
  lower(site, emit) {
    emit.call('l2_normalize_f32', rowsBlock(site));
    emitActivation(emit, outputOf(site), activationOf(site));
  },
};

const localResponse: Lowering<'LOCAL_RESPONSE_NORMALIZATION'> = {
  supports: (site) => isFloat(site) && site.options.radius >= 0,
  lower(site, emit) {
    const { radius, bias, alpha, beta } = site.options;
    emit.call('local_response_normalize_f32', { ...rowsBlock(site), radius, bias, alpha, beta });
  },
};

export const ROW_FUNCTION_LOWERINGS = {
  LOG_SOFTMAX: logSoftmax,
  L2_NORMALIZATION: l2Normalization,
  LOCAL_RESPONSE_NORMALIZATION: localResponse,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
