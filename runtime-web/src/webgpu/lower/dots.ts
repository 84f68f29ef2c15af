/** Products of a matrix and one vector. */
import type { ActivationFunctionType } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import type { Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { reads, u32, writes } from '../wgsl/kernel.js';

export interface VectorProduct {
  readonly label: string;
  readonly input: Operand;
  /** [units, depth] */
  readonly weights: Operand;
  readonly bias: Operand | null;
  readonly activation: ActivationFunctionType;
  readonly output: Operand;
}

/** Units of a workgroup, each computed by four invocations. */
const UNITS = 16;

/**
 * Emits y[unit] = activate(dot(x, w[unit]) + bias[unit]). Four neighbouring invocations take every
 * fourth step of a unit's depth each, and add up what they have: by passing it round in quads where
 * the device has subgroups, else through workgroup memory.
 */
export function emitDots(emit: Emitter, product: VectorProduct): void {
  const { label, input, weights, bias, activation, output } = product;
  const [units, depth] = weights.type.shape as readonly [number, number];
  const width = depth % 4 === 0 ? 4 : 1;
  const quads = emit.traits.hasSubgroups;
  const addUp = quads
    ? 'sum += quadSwapX(sum); sum += quadSwapY(sum);'
    : `shares[lane] = sum;
workgroupBarrier();
let first = lane / 4u * 4u;
sum = shares[first] + shares[first + 1u] + shares[first + 2u] + shares[first + 3u];`;
  emit.run({
    label,
    quads,
    bindings: {
      x: reads(input, width),
      w: reads(weights, width),
      ...(bias === null ? {} : { bias: reads(bias, 1) }),
      y: writes(output, 1),
    },
    params: { units: u32(units), steps: u32(depth / width) },
    workgroup: [4 * UNITS, 1, 1],
    grid: { workgroups: [Math.ceil(units / UNITS), 1, 1] },
    multiplyAdds: count(weights.type.shape),
    declarations: `${activationFunction(activation, 'f32')}
${quads ? '' : `var<workgroup> shares: array<f32, ${4 * UNITS}>;`}`,
    body: `
let unit = group.x * ${UNITS}u + lane / 4u;
let row = min(unit, params.units - 1u) * params.steps;
var sums = ${width === 4 ? 'vec4<f32>(0.0)' : '0.0'};
for (var k = lane & 3u; k < params.steps; k += 4u) { sums += x_load(k) * w_load(row + k); }
var sum = ${width === 4 ? 'sums.x + sums.y + sums.z + sums.w' : 'sums'};
${addUp}
if ((lane & 3u) == 0u && unit < params.units) {
  y_store(unit, activate(sum${bias === null ? '' : ' + bias_load(unit)'}));
}`,
  });
}
