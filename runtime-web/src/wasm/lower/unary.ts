/** Elementwise ops of one tensor. */
import type { KernelName } from '@linnet/runtime-wasm';
import type { DType, OpName, OptionsOf } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import { perTensor, quantize, roundHalfEven } from '../../lower/quantization.js';
import type { LowerSite, Operand } from '../../plan/lowering.js';
import type { Lowering } from '../lowering.js';
import { byteTable, emitLookup } from './table.js';
import {
  type ByteForm,
  hardSwishBytes,
  interpolated,
  leakyBytes,
  rescaled,
  rsqrtBytes,
  sigmoidal,
  type WordForm,
} from './unary-quantized.js';
import { narrowed, suffixOf, widened } from './widening.js';

type FloatName =
  Extract<KernelName, `unary_${string}_f32`> extends `unary_${infer N}_f32` ? N : never;

interface UnaryRow {
  /** The float32 kernel, and its parameters. */
  readonly kernel: FloatName;
  readonly parameters?: readonly [a: number, b: number];
  /** The same on reals, for the tables of 8-bit tensors. */
  readonly real: (x: number) => number;
  /** What those tables hold where stock kernels do not round the reals' results. */
  readonly bytes?: ByteForm;
  /** How int16 tensors are computed; as reals where there is no form. */
  readonly words?: WordForm;
}

/** The error function by a series of positive terms; past 6 it is 1 in float64. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

function clampTo(low: number, high: number): UnaryRow {
  return {
    kernel: 'clamp',
    parameters: [low, high],
    real: (x) => Math.min(Math.max(x, low), high),
    words: rescaled(1, low, high),
  };
}

const hardSwish = (x: number) => x * (Math.min(Math.max(x + 3, 0), 6) / 6);
const gelu = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
const geluTanh = (x: number) =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

/** A row may depend on the options. */
type Row<N extends OpName> = UnaryRow | ((options: OptionsOf<N>) => UnaryRow);

function unary<N extends OpName>(row: Row<N>): Lowering<N> {
  const rowOf = (site: LowerSite<N>) => (typeof row === 'function' ? row(site.options) : row);
  const ends = (site: LowerSite<N>) =>
    [site.inputs[0] as Operand, site.outputs[0] as Operand] as const;
  const quantized = (site: LowerSite<N>) => {
    const [from, to] = ends(site).map(({ type }) => perTensor(type));
    if (!from || !to || (from.dtype === 'int16') !== (to.dtype === 'int16')) return null;
    const words = from.dtype === 'int16' ? (rowOf(site).words?.(from, to) ?? null) : undefined;
    return words === null ? null : { from, to, words };
  };
  return {
    supports(site) {
      const [x, y] = ends(site);
      return quantized(site) !== null || (x.type.dtype === 'float32' && y.type.dtype === 'float32');
    },
    lower(site, emit) {
      const [x, y] = ends(site);
      const { kernel, parameters: [a, b] = [0, 0], real, bytes } = rowOf(site);
      const elements = count(x.type.shape);
      const form = quantized(site);
      if (form === null) {
        return emit.call(`unary_${kernel}_f32`, { x: x.ref, y: y.ref, count: elements, a, b });
      }
      const { from, to, words } = form;
      if (words !== undefined) return words({ emit, x, y });
      const rounded = (q: number) => quantize(real(from.scale * (q - from.zero)), to);
      const table = byteTable(from, to, bytes?.(from, to) ?? rounded, `${kernel} ${a} ${b}`);
      emitLookup(emit, elements, x.ref, y.ref, table);
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

export const UNARY_LOWERINGS = {
  ABS: withIntegers('abs', unary<'ABS'>({ kernel: 'abs', real: Math.abs })),
  NEG: withIntegers('neg', unary<'NEG'>({ kernel: 'neg', real: (x) => -x })),
  SQUARE: withIntegers('square', unary<'SQUARE'>({ kernel: 'square', real: (x) => x * x })),
  SIGN: withIntegers('sign', unary<'SIGN'>({ kernel: 'sign', real: Math.sign })),
  EXP: unary<'EXP'>({ kernel: 'exp', real: Math.exp, words: interpolated('exp', Math.exp) }),
  LOG: unary<'LOG'>({ kernel: 'log', real: Math.log }),
  SQRT: unary<'SQRT'>({ kernel: 'sqrt', real: Math.sqrt }),
  RSQRT: unary<'RSQRT'>({
    kernel: 'rsqrt',
    real: (x) => 1 / Math.sqrt(x),
    bytes: rsqrtBytes,
    words: interpolated('rsqrt', (x) => 1 / Math.sqrt(Math.max(x, 0))),
  }),
  SIN: unary<'SIN'>({ kernel: 'sin', real: Math.sin }),
  COS: unary<'COS'>({ kernel: 'cos', real: Math.cos }),
  TANH: unary<'TANH'>({ kernel: 'tanh', real: Math.tanh, words: sigmoidal('tanh_16') }),
  LOGISTIC: unary<'LOGISTIC'>({
    kernel: 'logistic',
    real: (x) => 1 / (1 + Math.exp(-x)),
    words: sigmoidal('logistic_16'),
  }),
  CEIL: unary<'CEIL'>({ kernel: 'ceil', real: Math.ceil }),
  FLOOR: unary<'FLOOR'>({ kernel: 'floor', real: Math.floor }),
  ROUND: unary<'ROUND'>({ kernel: 'round', real: roundHalfEven }),
  RELU: unary<'RELU'>(clampTo(0, Infinity)),
  RELU6: unary<'RELU6'>(clampTo(0, 6)),
  RELU_N1_TO_1: unary<'RELU_N1_TO_1'>(clampTo(-1, 1)),
  RELU_0_TO_1: unary<'RELU_0_TO_1'>(clampTo(0, 1)),
  LEAKY_RELU: unary<'LEAKY_RELU'>(({ alpha }) => ({
    kernel: 'leaky_relu',
    parameters: [alpha, 0],
    real: (x) => (x < 0 ? alpha * x : x),
    bytes: leakyBytes(alpha),
    words: rescaled(alpha),
  })),
  ELU: unary<'ELU'>({ kernel: 'elu', real: (x) => (x < 0 ? Math.expm1(x) : x) }),
  HARD_SWISH: unary<'HARD_SWISH'>({
    kernel: 'hard_swish',
    real: hardSwish,
    bytes: hardSwishBytes,
  }),
  GELU: unary<'GELU'>(({ approximate }) =>
    approximate ? { kernel: 'gelu_tanh', real: geluTanh } : { kernel: 'gelu', real: gelu },
  ),
  LOGICAL_NOT: logicalNot,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
