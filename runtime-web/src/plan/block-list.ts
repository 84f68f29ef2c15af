/** Every block starts at a multiple of this: a cache line, and four vectors. */
const ALIGNMENT = 64;

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** Gives out blocks of a space without end, from a base on: best fit, lowest address first. */
export class BlockList {
  /** Free blocks below the end by address, none adjacent to another or to the end. */
  readonly #free: Block[] = [];
  readonly #sizes = new Map<number, number>();
  #end: number;

  constructor(base: number) {
    this.#end = alignUp(base);
  }

  /** Where the last block in use ends. */
  get end(): number {
    return this.#end;
  }

  /** The address of a new block, a multiple of 64. */
  allocate(bytes: number): number {
    const size = Math.max(alignUp(bytes), ALIGNMENT);
    let best: Block | undefined;
    let index = -1;
    this.#free.forEach((block, i) => {
      if (block.bytes >= size && block.bytes < (best?.bytes ?? Number.POSITIVE_INFINITY)) {
        [best, index] = [block, i];
      }
    });
    const address = best?.address ?? this.#end;
    if (best === undefined) this.#end += size;
    else if (best.bytes === size) this.#free.splice(index, 1);
    else this.#free[index] = { address: address + size, bytes: best.bytes - size };
    this.#sizes.set(address, size);
    return address;
  }

  /** Takes a block back. */
  free(address: number): void {
    const bytes = this.#sizes.get(address) ?? 0;
    this.#sizes.delete(address);
    const index = firstAfter(this.#free, (block) => block.address, address);
    this.#free.splice(index, 0, { address, bytes });
    this.#merge(index);
    this.#merge(index - 1);
    const last = this.#free.at(-1);
    if (last === undefined || last.address + last.bytes !== this.#end) return;
    this.#end = last.address;
    this.#free.pop();
  }

  /** Joins the free block at `index` with the next when they touch. */
  #merge(index: number): void {
    const [block, next] = [this.#free[index], this.#free[index + 1]];
    if (block === undefined || next === undefined) return;
    if (block.address + block.bytes !== next.address) return;
    this.#free.splice(index, 2, { address: block.address, bytes: block.bytes + next.bytes });
  }
}

/** Index of the first entry whose key is greater, in entries sorted by it. */
export function firstAfter<T>(
  entries: readonly T[],
  keyOf: (entry: T) => number,
  key: number,
): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(entries[middle] as T) <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
