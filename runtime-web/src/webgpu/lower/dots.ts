/** Products of a matrix and one vector. */
import type { ActivationFunctionType } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { reads, u32, writes } from '../wgsl/kernel.js';
import { quadCode } from '../wgsl/quad.js';
import { inRows } from './weights.js';

export interface VectorProduct {
  readonly label: string;
  readonly input: Operand;
  /** [units, ...], as many elements for each unit as the input has. */
  readonly weights: Operand;
  readonly bias: Operand | null;
  readonly activation: ActivationFunctionType;
  readonly output: Operand;
}

/** Units of a workgroup, each computed by four invocations. */
const UNITS = 16;

/**
 * Emits y[unit] = activate(dot(x, w[unit]) + bias[unit]). Four neighbouring invocations take every
 * fourth step of a unit's depth each, and add up what they have.
 */
export function emitDots(emit: Emitter, product: VectorProduct): void {
  const { label, input, weights, bias, activation, output } = product;
  const units = weights.type.shape[0] as number;
  const { elements, scales, size } = inRows(emit, weights);
  const width = size % 4 === 0 ? 4 : 1;
  const vector = width === 4 ? 'vec4<f32>' : 'f32';
  const { quads, declarations, combine } = quadCode(emit.traits, 4 * UNITS, 'f32');
  emit.run({
    label,
    quads,
    bindings: {
      x: reads(input, width),
      w: reads(elements, width),
      ...(scales === null ? {} : { scales: reads(scales, 1) }),
      ...(bias === null ? {} : { bias: reads(bias, 1) }),
      y: writes(output, 1),
    },
    params: {
      units: u32(units),
      blocks: u32(count(weights.type.shape) / units / size),
      steps: u32(size / width),
    },
    workgroup: [4 * UNITS, 1, 1],
    grid: { workgroups: [Math.ceil(units / UNITS), 1, 1] },
    multiplyAdds: count(weights.type.shape),
    declarations: `${activationFunction(activation, 'f32')}
${declarations}`,
    body: `
let unit = group.x * ${UNITS}u + lane / 4u;
let row = min(unit, params.units - 1u) * params.blocks;
var sums = ${vector}();
for (var block = 0u; block < params.blocks; block++) {
  let x_at = block * params.steps;
  let w_at = (row + block) * params.steps;
  var part = ${vector}();
  for (var k = lane & 3u; k < params.steps; k += 4u) { part += x_load(x_at + k) * ${vector}(w_load(w_at + k)); }
  sums += part${scales === null ? '' : ' * scales_load(row + block)'};
}
var sum = ${width === 4 ? 'sums.x + sums.y + sums.z + sums.w' : 'sums'};
${combine('sum', (a, b) => `${a} + ${b}`)}
if ((lane & 3u) == 0u && unit < params.units) {
  y_store(unit, activate(sum${bias === null ? '' : ' + bias_load(unit)'}));
}`,
  });
}
