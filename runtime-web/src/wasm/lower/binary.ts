/** Elementwise ops of two tensors, with broadcasting. */
import type { KernelName } from '@linnet/runtime-wasm';
import type { ActivationFunctionType, OpName } from '@linnet/schema';
import { activationOf, activationRange } from '../../lower/activation.js';
import { broadcast, count } from '../../lower/dims.js';
import type { BufferRef, LowerSite, Operand } from '../../plan/lowering.js';
import { sameElements } from '../../plan/types.js';
import type { Emitter, Lowering } from '../lowering.js';
import { emitActivation } from './activation.js';
import { field } from './dims.js';
import type { IntegerKernels } from './integers.js';
import { narrowed, suffixOf, widened } from './widening.js';

/** Kernels of one group have the same block, so that the name of one stands for all in types. */
type FloatKernel = 'binary_add_f32';
export type IntegerKernel = 'binary_add_i32';

/** The kernel of an op for a type that there is one for. */
export function binaryKernel<K extends KernelName>(op: OpName, type: string): K {
  return `binary_${op.toLowerCase()}_${type}` as K;
}

export function binaryOperands(site: LowerSite<OpName>): readonly [Operand, Operand, Operand] {
  return [site.inputs[0] as Operand, site.inputs[1] as Operand, site.outputs[0] as Operand];
}

/** The fields that all binary kernels have. */
export function binaryBlock(a: Operand, b: Operand, y: Operand) {
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
export function emitFloat(
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

/** What an op is defined on, beside quantized integers. */
interface Domain {
  readonly floats?: boolean;
  readonly integers?: boolean;
  /** Whether it only picks one of its operands, and so quantized integers of one quantization as they are. */
  readonly picks?: boolean;
}

/** Arithmetic: float32, integers, and quantized integers where there is a kernel. */
export function arithmetic<N extends OpName>(
  quantized: IntegerKernels | null,
  { floats = true, integers = true, picks = false }: Domain = {},
): Lowering<N> {
  return {
    supports(site) {
      if (quantized?.binaryOf(site)) return true;
      const [a, b, y] = binaryOperands(site);
      const type = suffixOf(y.type.dtype);
      const sameTypes = [a, b].every((operand) => operand.type.dtype === y.type.dtype);
      if (type === undefined || !sameTypes) return false;
      if (type === 'f32') return floats;
      const isQuantized = [a, b, y].some((operand) => operand.type.quantization !== undefined);
      const sameReals = [a, b].every((operand) => sameElements(operand.type, y.type));
      return integers && (!isQuantized || (picks && sameReals));
    },
    lower(site, emit) {
      const emitQuantized = quantized?.binaryOf(site);
      if (emitQuantized) return emitQuantized(emit);
      const [a, b, y] = binaryOperands(site);
      const type = suffixOf(y.type.dtype);
      const activation = activationOf(site);
      const block = binaryBlock(a, b, y);
      if (type === 'f32') {
        return emitFloat(emit, binaryKernel<FloatKernel>(site.op, type), block, y, activation);
      }
      const [wideA, wideB] = [widened(a, emit), widened(b, emit)];
      narrowed(y, emit, (wideY) => {
        emit.call(binaryKernel<IntegerKernel>(site.op, type as string), {
          ...block,
          a: wideA,
          b: wideB,
          y: wideY,
        });
        emitIntegerActivation(emit, type as 'i32' | 'i64', wideY, count(y.type.shape), activation);
      });
    },
  };
}

/** Given what integers take, for models that have some. */
export const binaryLowerings = (quantized: IntegerKernels | null) =>
  ({
    ADD: arithmetic<'ADD'>(quantized),
    SUB: arithmetic<'SUB'>(quantized),
    MUL: arithmetic<'MUL'>(quantized),
    DIV: arithmetic<'DIV'>(null),
  }) as const satisfies { readonly [N in OpName]?: Lowering<N> };
