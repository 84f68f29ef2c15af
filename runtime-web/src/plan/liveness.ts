import { KERNELS } from '@linnet/runtime-wasm';
import type { Lifetime } from './arena.js';
import { forEachPointer, type KernelCall, type PlanBuffer, type Port } from './plan.js';

/**
 * From which to which call each arena buffer is in use: inputs from before the first call on,
 * outputs until after the last. Buffers that nothing uses are left out.
 */
export function lifetimes(
  buffers: readonly PlanBuffer[],
  calls: readonly KernelCall[],
  inputs: readonly Port[],
  outputs: readonly Port[],
): readonly Lifetime[] {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  const use = (buffer: number, step: number) => {
    if (!first.has(buffer)) first.set(buffer, step);
    last.set(buffer, step);
  };
  for (const { ref } of inputs) use(ref.buffer, -1);
  calls.forEach((call, step) => {
    forEachPointer(call, KERNELS[call.kernel], (ref) => use(ref.buffer, step));
  });
  for (const { ref } of outputs) use(ref.buffer, calls.length);
  return buffers.flatMap((buffer, index) => {
    const begin = first.get(index);
    if (buffer.kind !== 'arena' || begin === undefined) return [];
    return [{ buffer: index, bytes: buffer.bytes, first: begin, last: last.get(index) ?? begin }];
  });
}
