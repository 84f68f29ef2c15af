/** Normalization by the squares of neighbours or of all elements in the last dimension. */
import type { OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { count } from '../../lower/dims.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { f32, reads, u32, writes } from '../wgsl/kernel.js';
import { emitRows, hasRows, sum } from './normalization.js';
import { isFloat } from './product.js';

const l2Normalization: Lowering<'L2_NORMALIZATION'> = {
  supports: (site) => hasRows(site) && isFloat(site),
  lower(site, emit) {
    const declarations = activationFunction(activationOf(site), 'f32');
    emitRows(
      emit,
      site,
      { declarations },
      (loop, combine) => `var sum = 0.0;
${loop('let v = x_load(begin + k); sum += v * v;')}
${combine('sum', sum)}
if (row >= params.rows) { return; }
let factor = 1.0 / max(sqrt(sum), 1e-6);
${loop('y_store(begin + k, activate(x_load(begin + k) * factor));')}`,
    );
  },
};

/** Over the neighbours in the last dimension; an invocation has an element. */
const localResponse: Lowering<'LOCAL_RESPONSE_NORMALIZATION'> = {
  supports: (site) => hasRows(site) && isFloat(site) && site.options.radius >= 0,
  lower(site, emit) {
    const [input, output] = [inputOf(site, 0), outputOf(site)];
    const { radius, bias, alpha, beta } = site.options;
    const invocations = count(input.type.shape);
    emit.run({
      label: 'LOCAL_RESPONSE_NORMALIZATION',
      bindings: { x: reads(input, 1), y: writes(output, 1) },
      params: {
        invocations: u32(invocations),
        length: u32(input.type.shape.at(-1) as number),
        radius: u32(radius),
        bias: f32(bias),
        alpha: f32(alpha),
        beta: f32(beta),
      },
      grid: { invocations },
      body: `
if (index >= params.invocations) { return; }
let at = index % params.length;
let begin = index - at;
var sum = 0.0;
for (var k = max(at, params.radius) - params.radius; k < min(at + params.radius + 1u, params.length); k++) {
  let v = x_load(begin + k);
  sum += v * v;
}
y_store(index, x_load(index) * pow(params.bias + params.alpha * sum, -params.beta));`,
    });
  },
};

export const SQUARES_LOWERINGS = {
  L2_NORMALIZATION: l2Normalization,
  LOCAL_RESPONSE_NORMALIZATION: localResponse,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
