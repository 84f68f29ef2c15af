/** Elementwise ops of two tensors, with broadcasting. */
import { ActivationFunctionType, type OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { emitElementwise } from './elementwise.js';

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
    supports: (site) => formOf(site) !== null,
    lower(site, emit) {
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
