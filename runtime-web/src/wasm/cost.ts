import type { KernelName } from '@linnet/runtime-wasm';
import { KERNEL_ARITHMETIC, type KernelArithmetic } from '@linnet/runtime-wasm/arithmetic';
import type { CallCost } from '../plan/backend.js';
import type { BufferRef } from '../plan/lowering.js';
import type { KernelTable } from './kernel-table.js';
import type { KernelCall } from './lowering.js';

/** How often the tensor behind a pointer crosses between memory and the kernel. */
const CROSSINGS = { in: 1, out: 1, inout: 2, temp: 0 } as const;

/**
 * What a call computes and moves.
 *
 * @param bytesOf the size of a buffer
 */
export function costOf(
  kernels: KernelTable,
  { kernel, args }: KernelCall,
  bytesOf: (buffer: number) => number,
): CallCost {
  let bytes = 0;
  for (const { name, type } of kernels.of(kernel).fields) {
    const ref = args[name] as BufferRef | null;
    const crossings = (CROSSINGS as Readonly<Record<string, number>>)[type] ?? 0;
    if (crossings > 0 && ref !== null) bytes += crossings * (bytesOf(ref.buffer) - ref.offset);
  }
  // The table gives each kernel a function of its own arguments.
  const entry = (KERNEL_ARITHMETIC as Partial<Record<KernelName, unknown>>)[
    kernel
  ] as KernelArithmetic<KernelCall['args']> | null;
  return {
    arithmetic: entry?.arithmetic ?? null,
    multiplyAdds: entry?.multiplyAdds(args) ?? 0,
    bytes,
  };
}
