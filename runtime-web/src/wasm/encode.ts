import { isPointer, type KernelEntry } from '@linnet/runtime-wasm';
import { invariant } from '@linnet/schema';
import type { BufferRef } from '../plan/lowering.js';
import type { Call } from '../plan/plan.js';
import { STEP_BYTES } from './abi.js';
import type { Block } from './heap.js';
import type { KernelTable } from './kernel-table.js';
import type { KernelCall } from './lowering.js';

/** What a call does. */
type Encodable = Pick<Call<KernelCall>, 'work'>;

/** Bytes of the steps and parameter blocks of some calls. */
export function codeBytes(kernels: KernelTable, calls: readonly Encodable[]): number {
  return calls.reduce((sum, { work }) => sum + STEP_BYTES + kernels.of(work.kernel).size, 0);
}

/** Writes calls at address `code`: all steps, then the parameter blocks one after the other. */
export function encodeCalls(
  kernels: KernelTable,
  calls: readonly Encodable[],
  blocks: ReadonlyMap<number, Block>,
  code: number,
  memory: Uint8Array,
): void {
  const view = new DataView(memory.buffer);
  let block = code + STEP_BYTES * calls.length;
  calls.forEach(({ work }, index) => {
    const step = code + STEP_BYTES * index;
    const entry = kernels.of(work.kernel);
    view.setUint32(step, entry.id, true);
    view.setUint32(step + 4, block, true);
    writeBlock(view, block, entry, work, blocks);
    block += entry.size;
  });
}

function writeBlock(
  view: DataView,
  block: number,
  { fields }: KernelEntry,
  { kernel, args }: KernelCall,
  blocks: ReadonlyMap<number, Block>,
): void {
  for (const { name, offset, type, count } of fields) {
    const value = args[name] as BufferRef | number | readonly number[] | null;
    const at = block + offset;
    if (isPointer(type)) {
      view.setUint32(at, value === null ? 0 : addressOf(value as BufferRef, blocks), true);
      continue;
    }
    const values = typeof value === 'number' ? [value] : (value as readonly number[]);
    invariant(values.length <= count, `${kernel} takes ${count} values of ${name}.`);
    for (let i = 0; i < count; i++) {
      if (type === 'f32') view.setFloat32(at + 4 * i, values[i] ?? 0, true);
      else view.setInt32(at + 4 * i, values[i] ?? 0, true);
    }
  }
}

function addressOf({ buffer, offset }: BufferRef, blocks: ReadonlyMap<number, Block>): number {
  const address = blocks.get(buffer)?.address;
  invariant(address !== undefined, `Buffer ${buffer} has no address.`);
  return address + offset;
}
