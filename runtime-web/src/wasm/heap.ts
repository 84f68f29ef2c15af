import { LinnetError } from '@linnet/schema';
import { BlockList } from '../plan/block-list.js';

const PAGE_BYTES = 65536;

/** Vector loads of kernels may reach past the last element of the last block by less than this. */
const GUARD_BYTES = 64;

/** A part of the memory that is in use. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** Hands out blocks of a WASM memory from `base` on, and grows it. */
export class Heap {
  readonly #blocks: BlockList;
  #view: Uint8Array;

  constructor(
    readonly memory: WebAssembly.Memory,
    base: number,
  ) {
    this.#blocks = new BlockList(base);
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
    const address = this.#blocks.allocate(bytes);
    try {
      this.#grow(this.#blocks.end + GUARD_BYTES);
    } catch (error) {
      this.#blocks.free(address);
      throw error;
    }
    return address;
  }

  free(address: number): void {
    this.#blocks.free(address);
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
