/** Elementwise ops of two tensors, with broadcasting. */
import { ActivationFunctionType, type OpName } from '@linnet/schema';
import { activationOf, activationRange, quantizedRange } from '../../lower/activation.js';
import { combinedScale, sumFactors } from '../../lower/fixed-point.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import { type PerTensor, perTensor } from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { f32, i32, u32 } from '../wgsl/kernel.js';
import { type Elementwise, emitElementwise } from './elementwise.js';

/** The arithmetic of the WASM kernels on 8-bit operands of one dtype (binary_q.c); null for others. */
function bytesOf(site: LowerSite<OpName>): Pick<Elementwise, 'expression' | 'params'> | null {
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

type Form = 'float32' | 'int32';

/** Arithmetic on float32 and, where `integers`, on int32, which wraps round. */
function arithmetic<N extends OpName>(expression: string, { integers = true } = {}): Lowering<N> {
  const formOf = (site: Parameters<Lowering<N>['supports']>[0]): Form | null => {
    const types = [inputOf(site, 0), inputOf(site, 1), outputOf(site)].map(({ type }) => type);
    const isAll = (dtype: Form) =>
      types.every((type) => type.dtype === dtype && type.quantization === undefined);
    if (isAll('float32')) return 'float32';
    const isPlain = activationOf(site) === ActivationFunctionType.NONE;
    return integers && isPlain && isAll('int32') ? 'int32' : null;
  };
  return {
    supports: (site) => formOf(site) !== null || bytesOf(site) !== null,
    lower(site, emit) {
      const bytes = bytesOf(site);
      if (bytes !== null) {
        emitElementwise(emit, {
          label: site.op,
          operands: [inputOf(site, 0), inputOf(site, 1)],
          output: outputOf(site),
          ...bytes,
        });
        return;
      }
      const isFloat = formOf(site) === 'float32';
      emitElementwise(emit, {
        label: site.op,
        operands: [inputOf(site, 0), inputOf(site, 1)],
        output: outputOf(site),
        expression: isFloat ? `activate(${expression})` : expression,
        declarations: isFloat ? activationFunction(activationOf(site), 'vec4<f32>') : '',
      });
    },
  };
}

export const BINARY_LOWERINGS = {
  ADD: arithmetic<'ADD'>('a + b'),
  SUB: arithmetic<'SUB'>('a - b'),
  MUL: arithmetic<'MUL'>('a * b'),
  // A division by zero of integers is an error that shaders cannot report.
  DIV: arithmetic<'DIV'>('a / b', { integers: false }),
  FLOOR_DIV: arithmetic<'FLOOR_DIV'>('floor(a / b)', { integers: false }),
  MAXIMUM: arithmetic<'MAXIMUM'>('max(a, b)'),
  MINIMUM: arithmetic<'MINIMUM'>('min(a, b)'),
  SQUARED_DIFFERENCE: arithmetic<'SQUARED_DIFFERENCE'>('(a - b) * (a - b)'),
  PRELU: arithmetic<'PRELU'>('select(a, a * b, a < vec4(0.0))', { integers: false }),
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
