/** Elementwise ops of two quantized tensors, number for number as TFLite computes them. */
import type { KernelName } from '@linnet/runtime-wasm';
import type { OpName } from '@linnet/schema';
import {
  activationOf,
  activationRange,
  quantizedRange,
  type Range,
} from '../../lower/activation.js';
import {
  combinedScale,
  type FixedFactor,
  fixedFactor,
  sumFactors,
} from '../../lower/fixed-point.js';
import {
  type PerTensor,
  perTensor,
  QUANTIZED,
  type QuantizedDType,
} from '../../lower/quantization.js';
import type { LowerSite } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { binaryBlock, binaryKernel, binaryOperands } from './binary.js';

/** What emits a site's op where all three tensors are quantized to one dtype that it has a kernel for. */
export function binaryOf(site: LowerSite<OpName>): ((emit: Emitter) => void) | null {
  const [a, b, y] = binaryOperands(site).map(({ type }) => perTensor(type)) as [
    PerTensor | null,
    PerTensor | null,
    PerTensor | null,
  ];
  if (!a || !b || !y || a.dtype !== y.dtype || b.dtype !== y.dtype) return null;
  const range = activationRange(activationOf(site));
  const emitQuantized = quantizedEmitter(site.op, y.dtype);
  if (emitQuantized === null || range === null) return null;
  return (emit) => emitQuantized(emit, site, { a, b, y, range: quantizedRange(range, y) });
}

interface QuantizedOperands {
  readonly a: PerTensor;
  readonly b: PerTensor;
  readonly y: PerTensor;
  readonly range: Range;
}

type QuantizedEmitter = (emit: Emitter, site: LowerSite<OpName>, form: QuantizedOperands) => void;

/** What emits an op on quantized integers of a dtype; null where there is no kernel. */
function quantizedEmitter(op: OpName, dtype: QuantizedDType): QuantizedEmitter | null {
  const isSum = op === 'ADD' || op === 'SUB';
  if (dtype === 'int16') return isSum || op === 'MUL' ? emitFixedPoint : null;
  if (op === 'SQUARED_DIFFERENCE') return dtype === 'int8' ? emitFixedPoint : null;
  if (isSum) return emitSum8;
  return op === 'MUL' ? emitProduct8 : null;
}

/** The kernel of an op, or of the one that it is a case of, for what `y` is quantized to. */
function kernelOf<K extends KernelName>(op: OpName, y: PerTensor): K {
  return binaryKernel<K>(op, `q${QUANTIZED[y.dtype].kernel}`);
}

function emitSum8(
  emit: Emitter,
  site: LowerSite<OpName>,
  { a, b, y, range }: QuantizedOperands,
): void {
  const sign = site.op === 'SUB' ? -1 : 1;
  const factors = sumFactors(a.scale / y.scale, (sign * b.scale) / y.scale);
  const { a_multiplier, b_multiplier, shift } = factors;
  emit.call(kernelOf<'binary_add_qi8'>('ADD', y), {
    ...binaryBlock(...binaryOperands(site)),
    ...factors,
    bias: 2 ** (shift - 1) - a_multiplier * a.zero - b_multiplier * b.zero,
    y_zero: y.zero,
    ...range,
  });
}

function emitProduct8(
  emit: Emitter,
  site: LowerSite<OpName>,
  { a, b, y, range }: QuantizedOperands,
): void {
  emit.call(kernelOf<'binary_mul_qi8'>('MUL', y), {
    ...binaryBlock(...binaryOperands(site)),
    scale: combinedScale(a.scale, b.scale, y.scale),
    a_zero: a.zero,
    b_zero: b.zero,
    y_zero: y.zero,
    ...range,
  });
}

/** Bits that operands are shifted by before they are brought to one scale. Source: TFLite's kernels. */
const LEFT_SHIFTS: { readonly [N in OpName]?: number } = {
  ADD: 15,
  SUB: 15,
  SQUARED_DIFFERENCE: 7,
};

function emitFixedPoint(
  emit: Emitter,
  site: LowerSite<OpName>,
  { a, b, y, range }: QuantizedOperands,
): void {
  const left_shift = LEFT_SHIFTS[site.op] ?? 0;
  const common = 2 * Math.max(a.scale, b.scale);
  const power = site.op === 'SQUARED_DIFFERENCE' ? 2 : 1;
  const real =
    site.op === 'MUL'
      ? combinedScale(a.scale, b.scale, y.scale)
      : common ** power / (2 ** (left_shift * power) * y.scale);
  const [first, second, result] = [a.scale / common, b.scale / common, real].map(fixedFactor) as [
    FixedFactor,
    FixedFactor,
    FixedFactor,
  ];
  emit.call(kernelOf<'binary_add_qi16'>(site.op, y), {
    ...binaryBlock(...binaryOperands(site)),
    left_shift,
    a_multiplier: first.multiplier,
    a_shift: first.shift,
    b_multiplier: second.multiplier,
    b_shift: second.shift,
    y_multiplier: result.multiplier,
    y_shift: result.shift,
    a_zero: a.zero,
    b_zero: b.zero,
    y_zero: y.zero,
    ...range,
  });
}
