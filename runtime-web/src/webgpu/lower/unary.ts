/** Elementwise ops of one tensor. */
import type { OpName, OptionsOf } from '@linnet/schema';
import type { FunctionOp } from '../../lower/functions.js';
import { inputOf, outputOf } from '../../lower/operands.js';
import type { LowerSite } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import { foldedOr, type Lowering } from '../lowering.js';
import type { Param } from '../wgsl/kernel.js';
import { emitElementwise } from './elementwise.js';
import type { IntegerShaders } from './integers.js';

export interface Row {
  /** A function of the vector `a`. */
  readonly expression: string;
  readonly declarations?: string;
  readonly params?: Readonly<Record<string, Param>>;
  /** Whether the expression is right for int32, too. */
  readonly counts?: true;
}

/** Devices may compute tanh by exponentials, which overflow. */
export const TANH =
  'fn bounded_tanh(v: vec4<f32>) -> vec4<f32> { return tanh(clamp(v, vec4(-10.0), vec4(10.0))); }';

/** A function of float32, and of bytes by its table; a row may depend on the options. */
export function unaryLowering<N extends FunctionOp>(
  row: Row | ((options: OptionsOf<N>) => Row),
  integers: IntegerShaders | null,
): Lowering<N> {
  const rowOf = ({ options }: LowerSite<N>) => (typeof row === 'function' ? row(options) : row);
  return {
    supports(site) {
      const [x, y] = [inputOf(site, 0).type, outputOf(site).type];
      const isCounted = x.dtype === 'int32' && rowOf(site).counts === true;
      return (
        integers?.lookupOf(site) != null ||
        ((x.dtype === 'float32' || isCounted) && sameElements(x, y))
      );
    },
    lower(site, emit) {
      const emitLookups = integers?.lookupOf(site);
      if (emitLookups) return emitLookups(emit);
      emitElementwise(emit, {
        label: site.op,
        operands: [inputOf(site, 0)],
        output: outputOf(site),
        ...rowOf(site),
      });
    },
  };
}

/** What most models have of them. */
export function unaryLowerings(integers: IntegerShaders | null) {
  const unary = <N extends FunctionOp>(row: Row | ((options: OptionsOf<N>) => Row)) =>
    unaryLowering<N>(row, integers);
  return {
    TANH: unary<'TANH'>({ expression: 'bounded_tanh(a)', declarations: TANH }),
    LOGISTIC: foldedOr(
      'gatesInput',
      unaryLowering<'LOGISTIC'>({ expression: 'a / (1.0 + exp(-a))' }, null),
      unary<'LOGISTIC'>({ expression: '1.0 / (1.0 + exp(-a))' }),
    ),
    RELU: unary<'RELU'>({ expression: 'max(a, vec4(0.0))' }),
    RELU6: unary<'RELU6'>({ expression: 'clamp(a, vec4(0.0), vec4(6.0))' }),
    HARD_SWISH: unary<'HARD_SWISH'>({
      expression: 'a * (clamp(a + 3.0, vec4(0.0), vec4(6.0)) / 6.0)',
    }),
  } as const satisfies { readonly [N in OpName]?: Lowering<N> };
}
