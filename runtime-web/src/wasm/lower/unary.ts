/** Elementwise ops of one tensor. */
import type { KernelName } from '@linnet/runtime-wasm';
import type { DType, OpName, OptionsOf } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import type { FunctionOp } from '../../lower/functions.js';
import type { Fused, LowerSite, Operand } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import type { IntegerKernels } from './integers.js';
import { emitLookup } from './table.js';
import { narrowed, suffixOf, widened } from './widening.js';

type FloatName =
  Extract<KernelName, `unary_${string}_f32`> extends `unary_${infer N}_f32` ? N : never;

interface UnaryRow {
  /** The float32 kernel, and its parameters. */
  readonly kernel: FloatName;
  readonly parameters?: readonly [a: number, b: number];
}

function clampTo(low: number, high: number): UnaryRow {
  return { kernel: 'clamp', parameters: [low, high] };
}

/** A row may depend on the options, and on what is folded into the op. */
type Row<N extends OpName> = UnaryRow | ((options: OptionsOf<N>, fused: Fused) => UnaryRow);

function unaryLowering<N extends FunctionOp>(
  row: Row<N>,
  integers: IntegerKernels | null,
): Lowering<N> {
  const tableOf = (site: LowerSite<N>) => integers?.tableOf(site) ?? null;
  const rowOf = (site: LowerSite<N>) =>
    typeof row === 'function' ? row(site.options, site.fused) : row;
  const ends = (site: LowerSite<N>) =>
    [site.inputs[0] as Operand, site.outputs[0] as Operand] as const;
  const wordsOf = (site: LowerSite<N>) => integers?.wordsOf(site) ?? null;
  return {
    supports(site) {
      const isFloat = ends(site).every(({ type }) => type.dtype === 'float32');
      if (isFloat || site.fused.gatesInput) return isFloat;
      return tableOf(site) !== null || wordsOf(site) !== null;
    },
    lower(site, emit) {
      const [x, y] = ends(site);
      const table = tableOf(site);
      const elements = count(x.type.shape);
      if (table !== null) return emitLookup(emit, elements, x.ref, y.ref, table);
      const emitWords = wordsOf(site);
      if (emitWords !== null) return emitWords(emit);
      const { kernel, parameters: [a, b] = [0, 0] } = rowOf(site);
      emit.call(`unary_${kernel}_f32`, { x: x.ref, y: y.ref, count: elements, a, b });
    },
  };
}

/** The float32 form, and integers by kernels of their own. */
function withIntegers<N extends OpName>(
  name: 'abs' | 'neg' | 'square' | 'sign',
  float: Lowering<N>,
): Lowering<N> {
  const integer = (dtype: DType) => {
    const type = suffixOf(dtype);
    return type === 'i32' || type === 'i64' ? type : null;
  };
  return {
    supports(site) {
      if (float.supports(site)) return true;
      const [x, y] = [site.inputs[0] as Operand, site.outputs[0] as Operand];
      if (x.type.quantization !== undefined || y.type.quantization !== undefined) return false;
      return integer(x.type.dtype) !== null && x.type.dtype === y.type.dtype;
    },
    lower(site, emit) {
      if (float.supports(site)) return float.lower(site, emit);
      const [x, y] = [site.inputs[0] as Operand, site.outputs[0] as Operand];
      const type = integer(x.type.dtype) as 'i32' | 'i64';
      const wide = widened(x, emit);
      narrowed(y, emit, (to) =>
        emit.call(`unary_${name}_${type}`, { x: wide, y: to, count: count(x.type.shape) }),
      );
    },
  };
}

const logicalNot: Lowering<'LOGICAL_NOT'> = {
  supports: (site) => site.inputs[0]?.type.dtype === 'bool',
  lower(site, emit) {
    const [x, y] = [site.inputs[0] as Operand, site.outputs[0] as Operand];
    const make = () => Uint8Array.from({ length: 256 }, (_, byte) => (byte === 0 ? 1 : 0));
    emitLookup(emit, count(x.type.shape), x.ref, y.ref, { key: 'not', make });
  },
};

export function unaryLowerings(integers: IntegerKernels | null) {
  const unary = <N extends FunctionOp>(row: Row<N>) => unaryLowering<N>(row, integers);
  return {
    ABS: withIntegers('abs', unary<'ABS'>({ kernel: 'abs' })),
    NEG: withIntegers('neg', unary<'NEG'>({ kernel: 'neg' })),
    SQUARE: withIntegers('square', unary<'SQUARE'>({ kernel: 'square' })),
    SIGN: withIntegers('sign', unary<'SIGN'>({ kernel: 'sign' })),
    EXP: unary<'EXP'>({ kernel: 'exp' }),
    LOG: unary<'LOG'>({ kernel: 'log' }),
    SQRT: unary<'SQRT'>({ kernel: 'sqrt' }),
    RSQRT: unary<'RSQRT'>({ kernel: 'rsqrt' }),
    SIN: unary<'SIN'>({ kernel: 'sin' }),
    COS: unary<'COS'>({ kernel: 'cos' }),
    TANH: unary<'TANH'>({ kernel: 'tanh' }),
    LOGISTIC: unary<'LOGISTIC'>((_, { gatesInput }) => ({
      kernel: gatesInput ? 'swish' : 'logistic',
    })),
    CEIL: unary<'CEIL'>({ kernel: 'ceil' }),
    FLOOR: unary<'FLOOR'>({ kernel: 'floor' }),
    ROUND: unary<'ROUND'>({ kernel: 'round' }),
    RELU: unary<'RELU'>(clampTo(0, Infinity)),
    RELU6: unary<'RELU6'>(clampTo(0, 6)),
    RELU_N1_TO_1: unary<'RELU_N1_TO_1'>(clampTo(-1, 1)),
    RELU_0_TO_1: unary<'RELU_0_TO_1'>(clampTo(0, 1)),
    LEAKY_RELU: unary<'LEAKY_RELU'>(({ alpha }) => ({
      kernel: 'leaky_relu',
      parameters: [alpha, 0],
    })),
    ELU: unary<'ELU'>({ kernel: 'elu' }),
    HARD_SWISH: unary<'HARD_SWISH'>({ kernel: 'hard_swish' }),
    GELU: unary<'GELU'>(({ approximate }) => ({ kernel: approximate ? 'gelu_tanh' : 'gelu' })),
    LOGICAL_NOT: logicalNot,
  } as const satisfies { readonly [N in OpName]?: Lowering<N> };
}
