/** Elementwise ops of two tensors of bytes. */
import type { OpName } from '@linnet/schema';
import { activationOf, activationRange, quantizedRange } from '../../lower/activation.js';
import { combinedScale, sumFactors } from '../../lower/fixed-point.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor } from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import { f32, i32, u32 } from '../wgsl/kernel.js';
import type { Elementwise } from './elementwise.js';

/** The arithmetic of the WASM kernels on 8-bit operands of one dtype (binary_q.c); null for others. */
export function binaryBytes(
  site: LowerSite<OpName>,
): Pick<Elementwise, 'expression' | 'params'> | null {
  const types = [inputOf(site, 0), inputOf(site, 1), outputOf(site)].map(({ type }) => type);
  const [a, b, y] = types.map(perTensor) as [PerTensor | null, PerTensor | null, PerTensor | null];
  const range = activationRange(activationOf(site));
  if (!a || !b || !y || range === null || y.dtype === 'int16') return null;
  if (a.dtype !== y.dtype || b.dtype !== y.dtype) return null;
  const { low, high } = quantizedRange(range, y);
  if (site.op === 'ADD' || site.op === 'SUB') {
    const sign = site.op === 'SUB' ? -1 : 1;
    const factors = sumFactors(a.scale / y.scale, (sign * b.scale) / y.scale);
    const { a_multiplier, b_multiplier, shift } = factors;
    return {
      expression:
        'clamp(((a * params.a_factor + b * params.b_factor + params.bias) >> vec4(params.shift)) + params.zero, vec4(params.low), vec4(params.high))',
      params: {
        a_factor: i32(a_multiplier),
        b_factor: i32(b_multiplier),
        bias: i32((2 ** (shift - 1) - a_multiplier * a.zero - b_multiplier * b.zero) | 0),
        shift: u32(shift),
        zero: i32(y.zero),
        low: i32(low),
        high: i32(high),
      },
    };
  }
  if (site.op === 'MAXIMUM' || site.op === 'MINIMUM') {
    const isOne = [a, b].every(({ scale, zero }) => scale === y.scale && zero === y.zero);
    return isOne ? { expression: site.op === 'MAXIMUM' ? 'max(a, b)' : 'min(a, b)' } : null;
  }
  if (site.op !== 'MUL') return null;
  return {
    expression:
      'vec4<i32>(round(clamp(vec4<f32>((a - params.a_zero) * (b - params.b_zero)) * params.scale, vec4(params.low), vec4(params.high)))) + params.zero',
    params: {
      a_zero: i32(a.zero),
      b_zero: i32(b.zero),
      scale: f32(combinedScale(a.scale, b.scale, y.scale)),
      zero: i32(y.zero),
      low: f32(low - y.zero),
      high: f32(high - y.zero),
    },
  };
}
