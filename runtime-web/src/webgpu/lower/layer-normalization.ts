/** Layer normalization, which planning makes of the ops that it is made of. */
import type { Fused } from '../../plan/lowering.js';
import { foldedOr, type Lowering } from '../lowering.js';
import { f32, reads } from '../wgsl/kernel.js';
import { emitRows, sum } from './normalization.js';
import { isFloat } from './product.js';
import { REDUCTION_LOWERINGS } from './reduction.js';

/** y = (x - mean) / sqrt(variance + epsilon) * gamma + beta of each row; see Fused. */
const layerNormalization: Lowering<'MEAN'> = {
  supports: isFloat,
  lower(site, emit) {
    const { depth, epsilon } = site.fused.normalization as NonNullable<Fused['normalization']>;
    const [gamma, beta] = [site.inputs[1] ?? null, site.inputs[2] ?? null];
    const bindings = {
      ...(gamma && { gamma: reads(gamma, 1) }),
      ...(beta && { beta: reads(beta, 1) }),
    };
    const scaled = `${gamma ? ' * gamma_load(k)' : ''}${beta ? ' + beta_load(k)' : ''}`;
    emitRows(
      emit,
      site,
      { bindings, length: depth, params: { epsilon: f32(epsilon) } },
      (loop, combine) => `var sum = 0.0;
${loop('sum += x_load(begin + k);')}
${combine('sum', sum)}
let mean = sum / f32(params.length);
var squares = 0.0;
${loop('let d = x_load(begin + k) - mean; squares += d * d;')}
${combine('squares', sum)}
if (row >= params.rows) { return; }
let factor = inverseSqrt(squares / f32(params.length) + params.epsilon);
${loop(`y_store(begin + k, (x_load(begin + k) - mean) * factor${scaled});`)}`,
    );
  },
};

/** The mean, or what fusion has made of it. */
export const mean = foldedOr('normalization', layerNormalization, REDUCTION_LOWERINGS.MEAN);
