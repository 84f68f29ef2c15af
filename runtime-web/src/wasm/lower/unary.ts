/** Elementwise ops of one tensor. */
import type { KernelName } from '@linnet/runtime-wasm';
import type { OpName, OptionsOf } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import type { FunctionOp } from '../../lower/functions.js';
import type { Fused, LowerSite, Operand } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import type { IntegerKernels } from './integers.js';

type FloatName =
  Extract<KernelName, `unary_${string}_f32`> extends `unary_${infer N}_f32` ? N : never;

interface UnaryRow {
  /** The float32 kernel, and its parameters. */
  readonly kernel: FloatName;
  readonly parameters?: readonly [a: number, b: number];
}

export function clampTo(low: number, high: number): UnaryRow {
  return { kernel: 'clamp', parameters: [low, high] };
}

/** A row may depend on the options, and on what is folded into the op. */
export type Row<N extends OpName> = UnaryRow | ((options: OptionsOf<N>, fused: Fused) => UnaryRow);

export function unaryLowering<N extends FunctionOp>(
  row: Row<N>,
  integers: IntegerKernels | null,
): Lowering<N> {
  const rowOf = (site: LowerSite<N>) =>
    typeof row === 'function' ? row(site.options, site.fused) : row;
  const ends = (site: LowerSite<N>) =>
    [site.inputs[0] as Operand, site.outputs[0] as Operand] as const;
  return {
    supports(site) {
      const isFloat = ends(site).every(({ type }) => type.dtype === 'float32');
      if (isFloat || site.fused.gatesInput) return isFloat;
      return integers?.functionOf(site) != null;
    },
    lower(site, emit) {
      const emitQuantized = integers?.functionOf(site);
      if (emitQuantized) return emitQuantized(emit);
      const [x, y] = ends(site);
      const elements = count(x.type.shape);
      const { kernel, parameters: [a, b] = [0, 0] } = rowOf(site);
      emit.call(`unary_${kernel}_f32`, { x: x.ref, y: y.ref, count: elements, a, b });
    },
  };
}

/** What most models have of them. */
export function unaryLowerings(integers: IntegerKernels | null) {
  const unary = <N extends FunctionOp>(row: Row<N>) => unaryLowering<N>(row, integers);
  return {
    TANH: unary<'TANH'>({ kernel: 'tanh' }),
    LOGISTIC: unary<'LOGISTIC'>((_, { gatesInput }) => ({
      kernel: gatesInput ? 'swish' : 'logistic',
    })),
    RELU: unary<'RELU'>(clampTo(0, Infinity)),
    RELU6: unary<'RELU6'>(clampTo(0, 6)),
    HARD_SWISH: unary<'HARD_SWISH'>({ kernel: 'hard_swish' }),
  } as const satisfies { readonly [N in OpName]?: Lowering<N> };
}
