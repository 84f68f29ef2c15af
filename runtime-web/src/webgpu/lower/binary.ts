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

/** Given what integers take, for models that have some. */
export const binaryLowerings = (integers: IntegerShaders | null) =>
  ({
    ADD: arithmetic<'ADD'>('a + b', integers),
    SUB: arithmetic<'SUB'>('a - b', integers),
    MUL: arithmetic<'MUL'>('a * b', integers),
    DIV: arithmetic<'DIV'>({ real: 'a / b', integer: 'a / b', divides: true }),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
