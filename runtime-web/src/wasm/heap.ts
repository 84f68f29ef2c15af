import { LinnetError } from '@linnet/schema';
import { ALIGNMENT, alignUp } from '../plan/arena.js';

const PAGE_BYTES = 65536;

/** Vector loads of kernels may reach past the last element of the last block by less than this. */
const GUARD_BYTES = 64;

/** Hands out blocks of a WASM memory from `base` on, and grows it. */
export class Heap {
  /** Free blocks by address, none adjacent to another. */
  #free: { address: number; bytes: number }[] = [];
  readonly #sizes = new Map<number, number>();
  #end: number;
  #view: Uint8Array;

  constructor(
    readonly memory: WebAssembly.Memory,
    base: number,
  ) {
    this.#end = alignUp(base);
    this.#view = new Uint8Array(memory.buffer);
  }

  /** All of the memory as it is now; valid until the next allocation. */
  get view(): Uint8Array {
    if (this.#view.length !== this.memory.buffer.byteLength) {
      this.#view = new Uint8Array(this.memory.buffer);
    }
    return this.#view;
  }

  /** Bytes taken from the environment. */
  get total(): number {
    return this.memory.buffer.byteLength;
  }

  /**
   * The address of a new block, a multiple of 64, of undefined contents.
   *
   * @throws LinnetError of code OUT_OF_MEMORY
   */
  allocate(bytes: number): number {
    const size = Math.max(alignUp(bytes), ALIGNMENT);
    let best = -1;
    this.#free.forEach((block, index) => {
      if (block.bytes < size) return;
      if (best < 0 || block.bytes < (this.#free[best] as typeof block).bytes) best = index;
    });
    const block = this.#free[best];
    if (block === undefined) return this.#extend(size);
    const { address } = block;
    if (block.bytes === size) this.#free.splice(best, 1);
    else this.#free[best] = { address: address + size, bytes: block.bytes - size };
    this.#sizes.set(address, size);
    return address;
  }

  free(address: number): void {
    const bytes = this.#sizes.get(address) ?? 0;
    this.#sizes.delete(address);
    let index = this.#free.findIndex((block) => block.address > address);
    if (index < 0) index = this.#free.length;
    this.#free.splice(index, 0, { address, bytes });
    this.#merge(index);
    this.#merge(index - 1);
    const last = this.#free.at(-1);
    if (last !== undefined && last.address + last.bytes === this.#end) {
      this.#end = last.address;
      this.#free.pop();
    }
  }

  /** Joins the free block at `index` with the next when they touch. */
  #merge(index: number): void {
    const [block, next] = [this.#free[index], this.#free[index + 1]];
    if (block === undefined || next === undefined) return;
    if (block.address + block.bytes !== next.address) return;
    this.#free.splice(index, 2, { address: block.address, bytes: block.bytes + next.bytes });
  }

  #extend(size: number): number {
    const address = this.#end;
    this.#grow(address + size + GUARD_BYTES);
    this.#end = address + size;
    this.#sizes.set(address, size);
    return address;
  }

  /** Makes the memory at least so large, in one step and with some room for more. */
  #grow(bytes: number): void {
    const missing = Math.ceil((bytes - this.total) / PAGE_BYTES);
    if (missing <= 0) return;
    const spare = Math.ceil(missing / 4);
    for (const pages of [missing + spare, missing]) {
      try {
        this.memory.grow(pages);
        return;
      } catch {
        // RangeError: there is not that much; the last attempt asks for the least that will do.
      }
    }
    throw new LinnetError(
      'OUT_OF_MEMORY',
      `The model needs ${Math.ceil(bytes / 2 ** 20)} MiB of memory, which cannot be had.`,
      {},
      ['Dispose of models that are no longer needed, or run the model on smaller inputs.'],
    );
  }
}
