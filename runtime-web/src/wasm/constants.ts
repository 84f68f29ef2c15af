import type { TypedArray } from '@linnet/schema';
import { bytesOf } from '../model/storage.js';
import type { ConstantCall } from '../plan/lowering.js';
import type { PlanBuffer } from '../plan/plan.js';
import { codeBytes, encodeCalls } from './encode.js';
import type { Block, Heap } from './heap.js';
import type { KernelTable } from './kernel-table.js';
import type { KernelCall } from './lowering.js';

/** A buffer whose contents are known when a program is bound. */
export type ConstantBuffer = Extract<
  PlanBuffer<KernelCall>,
  { kind: 'known' | 'made' | 'computed' }
>;

/** Bytes that are copied at a time. */
const COPY_BYTES = 2 ** 20;

/**
 * Fills constants in the memory of the kernels. Methods do a bounded amount of work between yields, which
 * say how many bytes it was.
 */
export class ConstantFiller {
  constructor(
    readonly heap: Heap,
    readonly kernels: KernelTable,
    /** Runs steps at an address. */
    readonly execute: (code: number, steps: number) => void,
  ) {}

  /** A block from `allocate` with the buffer's contents. */
  *fill(buffer: ConstantBuffer, allocate: (bytes: number) => number): Generator<number, Block> {
    if (buffer.kind === 'computed') {
      const block = { address: allocate(buffer.bytes), bytes: buffer.bytes };
      for (const call of buffer.calls()) yield this.#compute(block, call);
      return block;
    }
    const contents = buffer.kind === 'made' ? bytesOf(buffer.make()) : buffer.known.bytes;
    const bytes = contents.length;
    const address = allocate(bytes);
    for (let at = 0; at < bytes; at += COPY_BYTES) {
      const part = contents.subarray(at, at + COPY_BYTES);
      this.heap.view.set(part, address + at);
      yield part.length;
    }
    return { address, bytes };
  }

  /** Runs a call that computes a part of a block; how many bytes it reads. */
  #compute(block: Block, { work, sources }: ConstantCall<KernelCall>): number {
    const { heap, kernels } = this;
    const taken: number[] = [];
    const take = (bytes: number) => {
      const address = heap.allocate(bytes);
      taken.push(address);
      return address;
    };
    try {
      const place = (source: TypedArray): Block => {
        const contents = bytesOf(source);
        const address = take(contents.length);
        heap.view.set(contents, address);
        return { address, bytes: contents.length };
      };
      const blocks = new Map([block, ...sources.map(place)].entries());
      const calls = [{ work }];
      const code = take(codeBytes(kernels, calls));
      encodeCalls(kernels, calls, blocks, code, heap.view);
      this.execute(code, calls.length);
      return sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
    } finally {
      for (const address of taken) heap.free(address);
    }
  }
}
