/** Which weights of a layer compete to stay. */

/** How the zeros of a layer's weights lie; the weights are a matrix [outputs, inputs]. */
export interface Pattern {
  /** Weights that go or stay together: neighbouring outputs x neighbouring inputs. */
  readonly block: readonly [outputs: number, inputs: number];
  /** Of each `of` neighbouring inputs of an output at most `keep` stay; without it a layer's blocks all compete. */
  readonly limit?: { readonly keep: number; readonly of: number };
}

/**
 * The patterns of zeros that kernels make use of. Inputs of a KxK convolution are counted in the order of
 * its stored weights: rows of the window, columns, channels.
 */
export const PATTERNS = {
  /** Any weight. */
  unstructured: { block: [1, 1] },
  /** Two of four, as sparse tensor cores read. Source: arXiv:2104.08378. */
  '2:4': { block: [1, 1], limit: { keep: 2, of: 4 } },
  '4:8': { block: [1, 1], limit: { keep: 4, of: 8 } },
  /** Neighbours along the inputs, as TFLite's sparse fully connected kernels read. */
  '1x4': { block: [1, 4] },
  /** Neighbours along the outputs, as kernels that compute several channels at once. Source: arXiv:1911.09723. */
  '4x1': { block: [4, 1] },
  '16x1': { block: [16, 1] },
} as const satisfies Record<string, Pattern>;

/** The part of the weights that a pattern removes at least. */
export function leastSparsity({ limit }: Pattern): number {
  return limit === undefined ? 0 : 1 - limit.keep / limit.of;
}

/** A matrix of scores, one per weight: the lower, the sooner it goes. */
export interface Scores {
  readonly rows: number;
  readonly columns: number;
  /** Not negative. */
  readonly values: Float32Array;
}

/** The blocks of a matrix of weights in the order in which they go. */
export class Ranking {
  /** Of blocks, numbered row by row, the sums and the means of their weights' scores. */
  readonly #sums: Float32Array;
  readonly #means: Float32Array;
  /** 1 for the blocks (of one weight) that the pattern's limit removes, and how many these are. */
  readonly #isForced: Uint8Array | null;
  readonly #forced: number;
  /** Blocks as they go, those first that the limit removes; made when asked for. */
  #order: Uint32Array | undefined;
  readonly #blocksInRow: number;
  /** Whether blocks are single weights, which have the same numbers. */
  readonly #isSingle: boolean;

  constructor(
    readonly scores: Scores,
    readonly pattern: Pattern,
  ) {
    const [height, width] = pattern.block;
    this.#blocksInRow = Math.ceil(scores.columns / width);
    this.#isSingle = height * width === 1;
    const blocks = Math.ceil(scores.rows / height) * this.#blocksInRow;
    this.#sums = this.#isSingle ? scores.values : new Float32Array(blocks);
    this.#means = this.#isSingle ? scores.values : this.#sums.map((_, block) => this.#mean(block));
    const { limit } = pattern;
    this.#isForced = limit ? overLimit(this.#means, this.#blocksInRow, limit) : null;
    this.#forced = this.#isForced?.reduce((sum, is) => sum + is, 0) ?? 0;
  }

  get #ordered(): Uint32Array {
    if (this.#order !== undefined) return this.#order;
    const order = ascending(this.#means);
    const isForced = this.#isForced;
    if (isForced === null) {
      this.#order = order;
      return order;
    }
    this.#order = new Uint32Array(order.length);
    let [first, rest] = [0, this.#forced];
    for (const block of order) this.#order[isForced[block] === 1 ? first++ : rest++] = block;
    return this.#order;
  }

  /**
   * How many weights the part `sparsity` of them is. Where the pattern has a limit, it is what the limit
   * removes, and of the rest as many more as the part exceeds what whole runs lose.
   */
  count(sparsity: number): number {
    const extra = (sparsity - leastSparsity(this.pattern)) * this.scores.values.length;
    return sparsity === 0 || extra < 0 ? 0 : this.#forced + Math.round(extra);
  }

  /** A mask of the weights, 1 where one stays: `count` of them go, rounded to whole blocks. */
  mask(count: number): Uint8Array {
    const mask = new Uint8Array(this.scores.values.length).fill(1);
    if (this.#isSingle) {
      const going = count === 0 ? 0 : Math.max(this.#forced, Math.round(count));
      if (going === 0) return mask;
      const isForced = this.#isForced;
      if (isForced !== null) for (let i = 0; i < mask.length; i++) mask[i] = 1 - isForced[i]!;
      clearLowest(mask, this.scores.values, going - this.#forced);
      return mask;
    }
    this.#take(count, (block) => {
      this.#visit(block, (at) => {
        mask[at] = 0;
      });
    });
    return mask;
  }

  /** The sum of the scores of what `mask` removes. */
  loss(count: number): number {
    let loss = 0;
    this.#take(count, (block) => {
      loss += this.#sums[block]!;
    });
    return loss;
  }

  #take(count: number, take: (block: number) => void): void {
    let left = count;
    for (const [i, block] of this.#ordered.entries()) {
      const size = this.#size(block);
      if (left < size / 2 && (count === 0 || i >= this.#forced)) return;
      left -= size;
      take(block);
    }
  }

  /** The mean score of a block, whose sum is noted. */
  #mean(block: number): number {
    let sum = 0;
    this.#visit(block, (at) => {
      sum += this.scores.values[at]!;
    });
    this.#sums[block] = sum;
    return sum / this.#size(block);
  }

  #size(block: number): number {
    if (this.#isSingle) return 1;
    let size = 0;
    this.#visit(block, () => size++);
    return size;
  }

  #visit(block: number, visit: (at: number) => void): void {
    const { rows, columns } = this.scores;
    const [height, width] = this.pattern.block;
    const row = Math.floor(block / this.#blocksInRow) * height;
    const column = (block % this.#blocksInRow) * width;
    const [rowEnd, columnEnd] = [Math.min(row + height, rows), Math.min(column + width, columns)];
    for (let r = row; r < rowEnd; r++) {
      for (let c = column; c < columnEnd; c++) visit(r * columns + c);
    }
  }
}

/** 1 for the lowest scores of each run of `of` in a row, so that `keep` are left. */
function overLimit(
  scores: Float32Array,
  columns: number,
  { keep, of }: { readonly keep: number; readonly of: number },
): Uint8Array {
  const forced = new Uint8Array(scores.length);
  for (let row = 0; row < scores.length; row += columns) {
    const rowEnd = row + columns;
    for (let start = row; start < rowEnd; start += of) {
      const end = Math.min(start + of, rowEnd);
      for (let left = end - start; left > keep; left--) {
        let lowest = -1;
        for (let at = start; at < end; at++) {
          // Of equal ones the last.
          if (forced[at] === 0 && (lowest < 0 || scores[at]! <= scores[lowest]!)) lowest = at;
        }
        forced[lowest] = 1;
      }
    }
  }
  return forced;
}

/** The bits of a float32 but for its exponent and the first three of its fraction. */
const LOW_BITS = 20;

/**
 * Makes `count` of the ones in a mask 0: those with the lowest scores, which are not negative, and of equal
 * ones the first. Scores are counted by their first bits, and only those put in order that share them with
 * the last that goes.
 */
function clearLowest(mask: Uint8Array, scores: Float32Array, count: number): void {
  if (count === 0) return;
  const keys = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const counts = new Uint32Array(2 ** (32 - LOW_BITS));
  for (let i = 0; i < keys.length; i++) counts[keys[i]! >>> LOW_BITS]! += mask[i]!;
  let [first, before] = [0, 0];
  while (before + counts[first]! < count) before += counts[first++]!;
  const alike = new Uint32Array(counts[first]!);
  let size = 0;
  for (let i = 0; i < keys.length; i++) {
    if (keys[i]! >>> LOW_BITS === first && mask[i] === 1) alike[size++] = keys[i]!;
  }
  alike.sort();
  const limit = alike[count - before - 1]!;
  let left = count - before - alike.indexOf(limit);
  for (let i = 0; i < keys.length; i++) {
    if (mask[i] === 0 || keys[i]! > limit) continue;
    if (keys[i] === limit && left-- <= 0) continue;
    mask[i] = 0;
  }
}

/** The indices of non-negative numbers in ascending order, equal ones by index: radix sort of the bits. */
function ascending(values: Float32Array): Uint32Array {
  const keys = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const count = keys.length;
  let order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  let sorted = new Uint32Array(count);
  // Three digits of 11 bits; the sign is 0.
  for (let shift = 0; shift < 32; shift += 11) {
    const ends = new Uint32Array(2049);
    for (let i = 0; i < count; i++) ends[((keys[i]! >>> shift) & 2047) + 1]!++;
    for (let i = 1; i <= 2048; i++) ends[i]! += ends[i - 1]!;
    for (let i = 0; i < count; i++) {
      const at = order[i]!;
      sorted[ends[(keys[at]! >>> shift) & 2047]!++] = at;
    }
    [order, sorted] = [sorted, order];
  }
  return order;
}
