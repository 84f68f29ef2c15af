import { type Arithmetic, KERNEL_ARITHMETIC, KERNELS } from '@linnet/runtime-wasm';
import type { CallCost } from '../plan/backend.js';
import type { BufferRef } from '../plan/lowering.js';
import type { KernelCall } from './lowering.js';

/** How often the tensor behind a pointer crosses between memory and the kernel. */
const CROSSINGS = { in: 1, out: 1, inout: 2, temp: 0 } as const;

/**
 * What a call computes and moves.
 *
 * @param bytesOf the size of a buffer
 */
export function costOf(
  { kernel, args }: KernelCall,
  bytesOf: (buffer: number) => number,
): CallCost {
  let bytes = 0;
  for (const [name, field] of Object.entries(KERNELS[kernel])) {
    const ref = args[name] as BufferRef | null;
    const crossings = (CROSSINGS as Readonly<Record<string, number>>)[field] ?? 0;
    if (crossings > 0 && ref !== null) bytes += crossings * (bytesOf(ref.buffer) - ref.offset);
  }
  // The table gives each kernel a function of its own arguments.
  const entry = KERNEL_ARITHMETIC[kernel] as {
    readonly arithmetic: Arithmetic;
    readonly multiplyAdds: (args: KernelCall['args']) => number;
  } | null;
  return {
    arithmetic: entry?.arithmetic ?? null,
    multiplyAdds: entry?.multiplyAdds(args) ?? 0,
    bytes,
  };
}
