/** Elementwise ops of two tensors, with broadcasting. */
import { KERNELS, type KernelName } from '@linnet/runtime-wasm';
import { ActivationFunctionType, type OpName } from '@linnet/schema';
import {
  activationOf,
  activationRange,
  quantizedRange,
  type Range,
} from '../../lower/activation.js';
import { broadcast, count, rowMajor } from '../../lower/dims.js';
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
import type { BufferRef, LowerSite, Operand } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitActivation } from './activation.js';
import { emitCopy, field } from './dims.js';
import { narrowed, suffixOf, widened } from './widening.js';

/** Kernels of one group have the same block, so that the name of one stands for all in types. */
type FloatKernel = 'binary_add_f32';
type IntegerKernel = 'binary_add_i32';

/** The kernel of an op for a type; undefined where there is none. */
function kernelFor<K extends KernelName>(op: OpName, type: string): K | undefined {
  const name = `binary_${op.toLowerCase()}_${type}`;
  return name in KERNELS ? (name as K) : undefined;
}

function operands(site: LowerSite<OpName>): readonly [Operand, Operand, Operand] {
  return [site.inputs[0] as Operand, site.inputs[1] as Operand, site.outputs[0] as Operand];
}

/** The fields that all binary kernels have. */
function binaryBlock(a: Operand, b: Operand, y: Operand) {
  const { dims, strides } = broadcast(y.type.shape, [a.type.shape, b.type.shape]);
  const [first, second] = strides as readonly [readonly number[], readonly number[]];
  return {
    a: a.ref,
    b: b.ref,
    y: y.ref,
    rank: dims.length,
    dims: field(dims),
    a_strides: field(first),
    b_strides: field(second),
  };
}

/** Emits a function of float32 tensors and the activation that follows it. */
function emitFloat(
  emit: Emitter,
  kernel: FloatKernel,
  block: ReturnType<typeof binaryBlock>,
  y: Operand,
  activation: ActivationFunctionType,
): void {
  const range = activationRange(activation);
  emit.call(kernel, { ...block, ...(range ?? { low: -Infinity, high: Infinity }) });
  if (range === null) emitActivation(emit, y, activation);
}

/** Limits integers, in their kernels' type, to the range of an activation. */
function emitIntegerActivation(
  emit: Emitter,
  type: 'i32' | 'i64',
  y: BufferRef,
  size: number,
  activation: ActivationFunctionType,
): void {
  const { low, high } = activationRange(activation) ?? { low: -Infinity, high: Infinity };
  const limits = [
    ['maximum', low],
    ['minimum', high],
  ] as const;
  for (const [name, bound] of limits) {
    if (!Number.isFinite(bound)) continue;
    const b = emit.constant(`${type} ${bound}`, () =>
      type === 'i64' ? BigInt64Array.of(BigInt(bound)) : Int32Array.of(bound),
    );
    const block = { rank: 1, dims: field([size]), a_strides: field([1]), b_strides: field([0]) };
    emit.call(`binary_${name}_${type}`, { a: y, b, y, ...block });
  }
}

/** The result's type where all three are quantized to the same dtype and the op has a kernel. */
function quantizedForm(site: LowerSite<OpName>) {
  const [a, b, y] = operands(site).map(({ type }) => perTensor(type)) as [
    PerTensor | null,
    PerTensor | null,
    PerTensor | null,
  ];
  if (!a || !b || !y || a.dtype !== y.dtype || b.dtype !== y.dtype) return null;
  const range = activationRange(activationOf(site));
  const emit = quantizedEmitter(site.op, y.dtype);
  return emit && range ? { emit, a, b, y, range: quantizedRange(range, y) } : null;
}

interface QuantizedOperands {
  readonly a: PerTensor;
  readonly b: PerTensor;
  readonly y: PerTensor;
  readonly range: Range;
}

type QuantizedEmitter = (emit: Emitter, site: LowerSite<OpName>, form: QuantizedOperands) => void;

/** What emits an op on quantized integers of a dtype; undefined where there is no kernel. */
function quantizedEmitter(op: OpName, dtype: QuantizedDType): QuantizedEmitter | undefined {
  const type = `q${QUANTIZED[dtype].kernel}`;
  if (dtype === 'int16' || op === 'SQUARED_DIFFERENCE') {
    const kernel = kernelFor<'binary_add_qi16'>(op, type);
    return kernel && ((...args) => emitFixedPoint(kernel, ...args));
  }
  if (op === 'ADD' || op === 'SUB') {
    const kernel = kernelFor<'binary_add_qi8'>('ADD', type) as 'binary_add_qi8';
    return (...args) => emitSum8(kernel, ...args);
  }
  const kernel = op === 'MUL' ? kernelFor<'binary_mul_qi8'>(op, type) : undefined;
  return kernel && ((...args) => emitProduct8(kernel, ...args));
}

function emitSum8(
  kernel: 'binary_add_qi8',
  emit: Emitter,
  site: LowerSite<OpName>,
  { a, b, y, range }: QuantizedOperands,
): void {
  const sign = site.op === 'SUB' ? -1 : 1;
  const factors = sumFactors(a.scale / y.scale, (sign * b.scale) / y.scale);
  const { a_multiplier, b_multiplier, shift } = factors;
  emit.call(kernel, {
    ...binaryBlock(...operands(site)),
    ...factors,
    bias: 2 ** (shift - 1) - a_multiplier * a.zero - b_multiplier * b.zero,
    y_zero: y.zero,
    ...range,
  });
}

function emitProduct8(
  kernel: 'binary_mul_qi8',
  emit: Emitter,
  site: LowerSite<OpName>,
  { a, b, y, range }: QuantizedOperands,
): void {
  emit.call(kernel, {
    ...binaryBlock(...operands(site)),
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
  kernel: 'binary_add_qi16',
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
  emit.call(kernel, {
    ...binaryBlock(...operands(site)),
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

/**
 * Arithmetic: float32, integers, and quantized integers where there is a kernel. An op that only
 * picks one of its operands takes quantized integers of one quantization as they are.
 */
function arithmetic<N extends OpName>({ picks = false } = {}): Lowering<N> {
  return {
    supports(site) {
      if (quantizedForm(site) !== null) return true;
      const [a, b, y] = operands(site);
      const type = suffixOf(y.type.dtype);
      const sameTypes = [a, b].every((operand) => operand.type.dtype === y.type.dtype);
      if (type === undefined || !sameTypes) return false;
      const quantized = [a, b, y].some((operand) => operand.type.quantization !== undefined);
      const sameReals = [a, b].every((operand) => sameElements(operand.type, y.type));
      if (type !== 'f32' && quantized && !(picks && sameReals)) return false;
      return kernelFor(site.op, type) !== undefined;
    },
    lower(site, emit) {
      const form = quantizedForm(site);
      if (form !== null) return form.emit(emit, site, form);
      const [a, b, y] = operands(site);
      const type = suffixOf(y.type.dtype);
      const activation = activationOf(site);
      const block = binaryBlock(a, b, y);
      if (type === 'f32') {
        return emitFloat(
          emit,
          kernelFor<FloatKernel>(site.op, type) as FloatKernel,
          block,
          y,
          activation,
        );
      }
      const [wideA, wideB] = [widened(a, emit), widened(b, emit)];
      narrowed(y, emit, (wideY) => {
        const kernel = kernelFor<IntegerKernel>(site.op, type as string) as IntegerKernel;
        emit.call(kernel, { ...block, a: wideA, b: wideB, y: wideY });
        emitIntegerActivation(emit, type as 'i32' | 'i64', wideY, count(y.type.shape), activation);
      });
    },
  };
}

/** Comparisons and the logical ops: the result is bool. */
function predicate<N extends OpName>(): Lowering<N> {
  return {
    supports(site) {
      const [a, b] = operands(site);
      const { dtype } = a.type;
      if (dtype === 'bool' && kernelFor(site.op, 'u8')) return b.type.dtype === 'bool';
      const type = suffixOf(dtype);
      if (type === undefined || kernelFor(site.op, type) === undefined) return false;
      const quantized = a.type.quantization !== undefined || b.type.quantization !== undefined;
      return quantized && dtype !== 'float32'
        ? sameElements(a.type, b.type)
        : b.type.dtype === dtype;
    },
    lower(site, emit) {
      const [a, b, y] = operands(site);
      const block = binaryBlock(a, b, y);
      const bytes =
        a.type.dtype === 'bool' ? kernelFor<'binary_logical_and_u8'>(site.op, 'u8') : undefined;
      if (bytes !== undefined) return emit.call(bytes, block);
      const kernel = kernelFor<IntegerKernel>(site.op, suffixOf(a.type.dtype) as string);
      emit.call(kernel as IntegerKernel, { ...block, a: widened(a, emit), b: widened(b, emit) });
    },
  };
}

/** The sum of any number of tensors of one shape, one after the other. */
const addN: Lowering<'ADD_N'> = {
  supports(site) {
    const { dtype, quantization } = (site.outputs[0] as Operand).type;
    const type = suffixOf(dtype);
    return (type === 'f32' || type === 'i32' || type === 'i64') && quantization === undefined;
  },
  lower(site, emit) {
    const y = site.outputs[0] as Operand;
    const [first, ...others] = site.inputs as readonly Operand[];
    const type = suffixOf(y.type.dtype);
    if (others.length === 0) {
      const strides = rowMajor(y.type.shape);
      const size = y.type.dtype === 'int64' ? 8 : 4;
      return emitCopy(
        emit,
        size,
        y.type.shape,
        { ref: (first as Operand).ref, strides },
        { ref: y.ref, strides },
      );
    }
    let sum = first as Operand;
    for (const operand of others) {
      const block = binaryBlock(sum, operand, y);
      if (type === 'f32') emitFloat(emit, 'binary_add_f32', block, y, ActivationFunctionType.NONE);
      else emit.call(type === 'i64' ? 'binary_add_i64' : 'binary_add_i32', block);
      sum = y;
    }
  },
};

export const BINARY_LOWERINGS = {
  ADD: arithmetic<'ADD'>(),
  SUB: arithmetic<'SUB'>(),
  MUL: arithmetic<'MUL'>(),
  DIV: arithmetic<'DIV'>(),
  FLOOR_DIV: arithmetic<'FLOOR_DIV'>(),
  FLOOR_MOD: arithmetic<'FLOOR_MOD'>(),
  POW: arithmetic<'POW'>(),
  ATAN2: arithmetic<'ATAN2'>(),
  SQUARED_DIFFERENCE: arithmetic<'SQUARED_DIFFERENCE'>(),
  PRELU: arithmetic<'PRELU'>(),
  BITWISE_XOR: arithmetic<'BITWISE_XOR'>(),
  RIGHT_SHIFT: arithmetic<'RIGHT_SHIFT'>(),
  MAXIMUM: arithmetic<'MAXIMUM'>({ picks: true }),
  MINIMUM: arithmetic<'MINIMUM'>({ picks: true }),
  EQUAL: predicate<'EQUAL'>(),
  NOT_EQUAL: predicate<'NOT_EQUAL'>(),
  GREATER: predicate<'GREATER'>(),
  GREATER_EQUAL: predicate<'GREATER_EQUAL'>(),
  LESS: predicate<'LESS'>(),
  LESS_EQUAL: predicate<'LESS_EQUAL'>(),
  LOGICAL_AND: predicate<'LOGICAL_AND'>(),
  LOGICAL_OR: predicate<'LOGICAL_OR'>(),
  ADD_N: addN,
} as const satisfies { readonly [N in OpName]?: Lowering<N> };
