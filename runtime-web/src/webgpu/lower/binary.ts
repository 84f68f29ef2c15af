/** Elementwise ops of two tensors, with broadcasting. */
import { ActivationFunctionType, type DType, type OpName } from '@linnet/schema';
import { activationOf } from '../../lower/activation.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { Lowering } from '../lowering.js';
import { activationFunction } from '../wgsl/activation.js';
import { emitElementwise } from './elementwise.js';
import type { IntegerShaders } from './integers.js';

type Form = 'float32' | 'int32';

const NARROW: readonly DType[] = ['int8', 'uint8', 'int16'];

/** Functions of float32 and of integers; the latter wrap round. */
interface Arithmetic {
  readonly real?: string;
  readonly integer?: string;
  /** Whether the integer form takes all divisors but 0, which is an error that shaders cannot report. */
  readonly divides?: true;
  /** Whether the integer form takes narrower integers, too: what it gives for them fits. */
  readonly narrow?: true;
  readonly declarations?: string;
}

/** An op of two operands by its forms, and of bytes where there is one. */
export function arithmetic<N extends OpName>(
  both: string | Arithmetic,
  integers: IntegerShaders | null = null,
): Lowering<N> {
  const forms = typeof both === 'string' ? { real: both, integer: both } : both;
  const { real, integer, divides, narrow, declarations = '' }: Arithmetic = forms;
  const formOf = (site: Parameters<Lowering<N>['supports']>[0]): Form | null => {
    const types = [inputOf(site, 0), inputOf(site, 1), outputOf(site)].map(({ type }) => type);
    const isAll = (dtype: DType) =>
      types.every((type) => type.dtype === dtype && type.quantization === undefined);
    if (real !== undefined && isAll('float32')) return 'float32';
    const isInteger = isAll('int32') || (narrow && NARROW.some(isAll));
    if (integer === undefined || !isInteger) return null;
    const divisors = inputOf(site, 1).value;
    if (divides && (divisors === undefined || Array.from(divisors, Number).includes(0)))
      return null;
    return activationOf(site) === ActivationFunctionType.NONE ? 'int32' : null;
  };
  return {
    supports: (site) => formOf(site) !== null || integers?.binaryBytes(site) != null,
    lower(site, emit) {
      const bytes = integers?.binaryBytes(site);
      if (bytes) {
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
        expression: isFloat ? `activate(${real})` : (integer as string),
        declarations: `${declarations}
${isFloat ? activationFunction(activationOf(site), 'vec4<f32>') : ''}`,
      });
    },
  };
}

/** The remainder of a division that rounds down, in case it rounds to one too many or too few. */
const FLOOR_MOD = `
fn floor_mod(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let rest = a - b * floor(a / b);
  return select(rest, rest + b, rest * b < vec4(0.0));
}
fn floor_mod_integers(a: vec4<i32>, b: vec4<i32>) -> vec4<i32> {
  let rest = a % b;
  return select(rest, rest + b, (rest != vec4(0)) & ((rest ^ b) < vec4(0)));
}
fn floor_div_integers(a: vec4<i32>, b: vec4<i32>) -> vec4<i32> {
  return a / b - select(vec4(0), vec4(1), (a % b != vec4(0)) & ((a ^ b) < vec4(0)));
}`;

/** Powers of negative numbers are those of their magnitude with the sign that whole exponents give. */
const POWER = `
fn power(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
  let magnitude = pow(abs(a), b);
  let is_odd = abs(b - 2.0 * floor(b / 2.0)) == vec4(1.0);
  return select(magnitude, -magnitude, (a < vec4(0.0)) & is_odd);
}`;

/** Given what integers take, for models that have some. */
export const binaryLowerings = (integers: IntegerShaders | null) =>
  ({
    ADD: arithmetic<'ADD'>('a + b', integers),
    SUB: arithmetic<'SUB'>('a - b', integers),
    MUL: arithmetic<'MUL'>('a * b', integers),
    DIV: arithmetic<'DIV'>({ real: 'a / b', integer: 'a / b', divides: true }),
    FLOOR_DIV: arithmetic<'FLOOR_DIV'>({
      real: 'floor(a / b)',
      integer: 'floor_div_integers(a, b)',
      divides: true,
      declarations: FLOOR_MOD,
    }),
    FLOOR_MOD: arithmetic<'FLOOR_MOD'>({
      real: 'floor_mod(a, b)',
      integer: 'floor_mod_integers(a, b)',
      divides: true,
      declarations: FLOOR_MOD,
    }),
    POW: arithmetic<'POW'>({ real: 'power(a, b)', declarations: POWER }),
    MAXIMUM: arithmetic<'MAXIMUM'>('max(a, b)', integers),
    MINIMUM: arithmetic<'MINIMUM'>('min(a, b)', integers),
    SQUARED_DIFFERENCE: arithmetic<'SQUARED_DIFFERENCE'>('(a - b) * (a - b)'),
    PRELU: arithmetic<'PRELU'>({ real: 'select(a, a * b, a < vec4(0.0))' }),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
