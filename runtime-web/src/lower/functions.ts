/** Functions of one real by ops, and the tables that they are on 8-bit tensors. */
import type { OpName, OptionsOf } from '@linnet/schema';
import type { LowerSite } from '../plan/lowering.js';
import {
  type ByteForm,
  type ByteTable,
  byteTable,
  hardSwishBytes,
  leakyBytes,
  rescaledBytes,
  rootBytes,
  rsqrtBytes,
} from './byte-table.js';
import { inputOf, outputOf } from './operands.js';
import { type PerTensor, perTensor, quantize, roundHalfEven } from './quantization.js';

interface UnaryFunction {
  readonly real: (x: number) => number;
  /** What tables of 8-bit tensors hold where stock kernels do not round the reals' results. */
  readonly bytes?: ByteForm;
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

const hardSwish = (x: number) => x * (Math.min(Math.max(x + 3, 0), 6) / 6);
export const gelu = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
export const geluTanh = (x: number) =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

const clamp = (low: number, high: number): UnaryFunction => ({
  real: (x) => Math.min(Math.max(x, low), high),
});

/** A row may depend on the options. */
type Row<N extends OpName> = UnaryFunction | ((options: OptionsOf<N>) => UnaryFunction);

export type FunctionOp =
  | 'ABS'
  | 'NEG'
  | 'SQUARE'
  | 'SIGN'
  | 'EXP'
  | 'LOG'
  | 'SQRT'
  | 'RSQRT'
  | 'SIN'
  | 'COS'
  | 'TANH'
  | 'LOGISTIC'
  | 'CEIL'
  | 'FLOOR'
  | 'ROUND'
  | 'RELU'
  | 'RELU6'
  | 'RELU_N1_TO_1'
  | 'RELU_0_TO_1'
  | 'LEAKY_RELU'
  | 'ELU'
  | 'HARD_SWISH'
  | 'GELU'
  | 'QUANTIZE';

const FUNCTIONS: { readonly [N in FunctionOp]: Row<N> } = {
  ABS: { real: Math.abs },
  NEG: { real: (x) => -x },
  SQUARE: { real: (x) => x * x },
  SIGN: { real: Math.sign },
  EXP: { real: Math.exp },
  LOG: { real: Math.log },
  SQRT: { real: Math.sqrt, bytes: rootBytes },
  RSQRT: { real: (x) => 1 / Math.sqrt(x), bytes: rsqrtBytes },
  SIN: { real: Math.sin },
  COS: { real: Math.cos },
  TANH: { real: Math.tanh },
  LOGISTIC: { real: (x) => 1 / (1 + Math.exp(-x)) },
  CEIL: { real: Math.ceil },
  FLOOR: { real: Math.floor },
  ROUND: { real: roundHalfEven },
  RELU: clamp(0, Infinity),
  RELU6: clamp(0, 6),
  RELU_N1_TO_1: clamp(-1, 1),
  RELU_0_TO_1: clamp(0, 1),
  LEAKY_RELU: ({ alpha }) => ({
    real: (x) => (x < 0 ? alpha * x : x),
    bytes: leakyBytes(alpha),
  }),
  ELU: { real: (x) => (x < 0 ? Math.expm1(x) : x) },
  HARD_SWISH: { real: hardSwish, bytes: hardSwishBytes },
  GELU: ({ approximate }) => ({ real: approximate ? geluTanh : gelu }),
  // From one quantization to another; scales and zero points say which.
  QUANTIZE: {
    real: (x) => x,
    bytes: (from, to) => (from.dtype === to.dtype ? rescaledBytes(from, to) : null),
  },
};

/** The table that a site's op is from its 8-bit input to its 8-bit output; null for other types. */
export function tableOf(site: LowerSite<FunctionOp>): ByteTable | null {
  const [from, to] = [perTensor(inputOf(site, 0).type), perTensor(outputOf(site).type)];
  if (!isByte(from) || !isByte(to)) return null;
  const row = FUNCTIONS[site.op];
  const { real, bytes } = typeof row === 'function' ? row(site.options as never) : row;
  const rounded = (q: number) => quantize(real(from.scale * (q - from.zero)), to);
  const name = `${site.op} ${JSON.stringify(site.options)}`;
  return byteTable(from, to, bytes?.(from, to) ?? rounded, name);
}

function isByte(type: PerTensor | null): type is PerTensor {
  return type !== null && type.dtype !== 'int16';
}
