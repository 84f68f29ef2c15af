/** Functions of 8-bit tensors as tables of their 256 results. */

import type { PerTensor } from '../../lower/quantization.js';
import type { BufferRef } from '../../plan/lowering.js';
import type { Emitter } from '../lowering.js';

export interface ByteTable {
  /** Tells the table apart from others. */
  readonly key: string;
  /** Results by the bit pattern of the argument. */
  make(): Uint8Array;
}

/** The table of a function from one quantized 8-bit type to another, given on integers. */
export function byteTable(
  from: PerTensor,
  to: PerTensor,
  f: (q: number) => number,
  name = '',
): ByteTable {
  return {
    key: `table ${name} ${JSON.stringify([from, to])}`,
    make: () =>
      Uint8Array.from({ length: 256 }, (_, byte) => f(from.low < 0 ? (byte << 24) >> 24 : byte)),
  };
}

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
