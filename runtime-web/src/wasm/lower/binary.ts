/** Elementwise ops of two tensors, with broadcasting. */
import { KERNELS, type KernelName } from '@linnet/runtime-wasm';
import { ActivationFunctionType, type OpName } from '@linnet/schema';
import { activationOf, activationRange, quantizedRange } from '../../lower/activation.js';
import { broadcast, count, rowMajor } from '../../lower/dims.js';
import { type PerTensor, perTensor, QUANTIZED } from '../../lower/quantization.js';
import type { BufferRef, LowerSite, Operand } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitActivation } from './activation.js';
import { emitCopy, field } from './dims.js';
import { narrowed, suffixOf, widened } from './widening.js';

/** Kernels of one group have the same block, so that the name of one stands for all in types. */
type FloatKernel = 'binary_add_f32';
type IntegerKernel = 'binary_add_i32';
type QuantizedKernel = 'binary_add_qi8';

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
  const kernel = kernelFor<QuantizedKernel>(
    site.op === 'SUB' ? 'ADD' : site.op,
    `q${QUANTIZED[y.dtype].kernel}`,
  );
  const range = activationRange(activationOf(site));
  return kernel && range ? { kernel, a, b, y, range: quantizedRange(range, y) } : null;
}

function emitQuantized(
  emit: Emitter,
  site: LowerSite<OpName>,
  { kernel, a, b, y, range }: NonNullable<ReturnType<typeof quantizedForm>>,
): void {
  const scales =
    site.op === 'MUL'
      ? { a_scale: (a.scale * b.scale) / y.scale, b_scale: 0 }
      : { a_scale: a.scale / y.scale, b_scale: ((site.op === 'SUB' ? -1 : 1) * b.scale) / y.scale };
  emit.call(kernel, {
    ...binaryBlock(...operands(site)),
    ...scales,
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
      if (form !== null) return emitQuantized(emit, site, form);
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
