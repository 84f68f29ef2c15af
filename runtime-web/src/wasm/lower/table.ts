/** Functions of 8-bit tensors as tables of their 256 results. */
import type { ByteTable } from '../../lower/byte-table.js';
import type { BufferRef } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';

/** Emits y[i] = table[x[i]]. */
export function emitLookup(
  emit: Emitter,
  elements: number,
  x: BufferRef,
  y: BufferRef,
  table: ByteTable,
): void {
  emit.call('lookup_8', { x, y, count: elements, table: emit.constant(table.key, table.make) });
}
