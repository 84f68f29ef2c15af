/** The types in which kernels compute, and tensors in them. */
import type { DType } from '@linnet/schema';
import { count } from '../../lower/dims.js';
import type { BufferRef, Operand } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';
import { emitCast } from './conversion.js';

/** The type in which kernels compute on a dtype: exactly, and wrapping round as the dtype does. */
const KERNEL_TYPES = {
  float32: 'float32',
  int32: 'int32',
  int64: 'int64',
  int8: 'int32',
  uint8: 'int32',
  int16: 'int32',
  uint16: 'int32',
  uint32: 'int64',
  bool: 'int32',
  string: 'int32',
} as const satisfies { readonly [D in DType]?: DType };

const SUFFIXES = { float32: 'f32', int32: 'i32', int64: 'i64' } as const;
const BYTES = { float32: 4, int32: 4, int64: 8 } as const;

type KernelDType = keyof typeof SUFFIXES;

/** How the names of the kernels for a dtype end. */
export type Suffix = (typeof SUFFIXES)[KernelDType];

function kernelDType(dtype: DType): KernelDType | undefined {
  return dtype in KERNEL_TYPES ? KERNEL_TYPES[dtype as keyof typeof KERNEL_TYPES] : undefined;
}

export function suffixOf(dtype: DType): Suffix | undefined {
  const type = kernelDType(dtype);
  return type && SUFFIXES[type];
}

/** The kernels' type for a tensor that is stored in another; null where it is stored in theirs. */
function widerThan(dtype: DType): KernelDType | null {
  const type = kernelDType(dtype);
  return type === undefined || type === dtype || dtype === 'string' ? null : type;
}

/** A tensor in its kernels' type: itself, or a widened copy. */
export function widened({ type: { dtype, shape }, ref }: Operand, emit: Emitter): BufferRef {
  const wide = widerThan(dtype);
  if (wide === null) return ref;
  const copy = emit.scratch(BYTES[wide] * count(shape));
  emitCast(emit, count(shape), { dtype, ref }, { dtype: wide, ref: copy });
  return copy;
}

/** Has `body` emit a result in its kernels' type, and narrows it to the operand's own after. */
export function narrowed(
  { type: { dtype, shape }, ref }: Operand,
  emit: Emitter,
  body: (y: BufferRef) => void,
): void {
  const wide = widerThan(dtype);
  const y = wide === null ? ref : emit.scratch(BYTES[wide] * count(shape));
  body(y);
  if (wide !== null) emitCast(emit, count(shape), { dtype: wide, ref: y }, { dtype, ref });
}
