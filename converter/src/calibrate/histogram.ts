import { invariant } from '@linnet/schema';

/** Bins on each side of zero. */
const HALF = 2048;
const BINS = 2 * HALF;

/** The width of the smallest float32: no bin needs to be narrower. */
const FINEST = -149;

/** Smallest and largest of a set of numbers; low > high for none. */
export interface Extent {
  readonly low: number;
  readonly high: number;
}

/** The extent of numbers; low and high are NaN when one of them is. */
export function extentOf(values: Float32Array): Extent {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let hasNaN = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value < low) low = value;
    if (value > high) high = value;
    if (Number.isNaN(value)) hasNaN = true;
  }
  return hasNaN ? { low: Number.NaN, high: Number.NaN } : { low, high };
}

/**
 * How often numbers fall into each of 4096 bins of equal width, 2048 on each side of zero.
 *
 * The width is a power of two, the smallest at which all numbers so far fit; when one does not, the
 * width doubles and neighbours join. Bins start at multiples of the width, so a histogram depends on
 * the set of its numbers alone: not on their order, and not on how they were split before a merge.
 */
export class Histogram {
  /** Numbers per bin; bin i holds [(i - 2048) * width, (i - 2047) * width). */
  readonly counts = new Float64Array(BINS);
  #exponent = FINEST;

  /** Width of a bin. */
  get width(): number {
    return 2 ** this.#exponent;
  }

  /** The value at which a bin starts. */
  start(bin: number): number {
    return (bin - HALF) * this.width;
  }

  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Counts finite numbers.
   *
   * @param extent of a set that the values are part of, to which the bins are fitted; by default that
   *   of the values
   */
  add(values: Float32Array, extent: Extent = extentOf(values)): void {
    if (values.length === 0) return;
    this.#fit(extent);
    const { counts } = this;
    const perWidth = 2 ** -this.#exponent;
    for (let i = 0; i < values.length; i++) {
      const bin = Math.floor((values[i] as number) * perWidth) + HALF;
      counts[bin] = (counts[bin] as number) + 1;
    }
  }

  /** The histogram of both sets of numbers. */
  merge(other: Histogram): Histogram {
    const merged = new Histogram();
    merged.#exponent = Math.max(this.#exponent, other.#exponent);
    for (const part of [this, other]) {
      addWidened(merged.counts, part.counts, merged.#exponent - part.#exponent);
    }
    return merged;
  }

  /**
   * The value below which the share `q` of the numbers lies, linear within a bin.
   *
   * @param q from 0 to 1
   */
  quantile(q: number): number {
    const wanted = q * this.total;
    let below = 0;
    for (let bin = 0; bin < BINS; bin++) {
      const count = this.counts[bin] as number;
      if (count > 0 && below + count >= wanted) {
        return this.start(bin) + ((wanted - below) / count) * this.width;
      }
      below += count;
    }
    return 0;
  }

  #fit({ low, high }: Extent): void {
    invariant(Number.isFinite(low) && Number.isFinite(high), 'only finite numbers are counted');
    let exponent = this.#exponent;
    while (high >= HALF * 2 ** exponent || low < -HALF * 2 ** exponent) exponent++;
    const shift = exponent - this.#exponent;
    if (shift === 0) return;
    const before = this.counts.slice();
    this.counts.fill(0);
    addWidened(this.counts, before, shift);
    this.#exponent = exponent;
  }
}

/** Adds the counts of bins whose width has to double `shift` times. */
function addWidened(into: Float64Array, counts: Float64Array, shift: number): void {
  for (let bin = 0; bin < BINS; bin++) {
    const joined = Math.floor((bin - HALF) * 2 ** -shift) + HALF;
    into[joined] = (into[joined] as number) + (counts[bin] as number);
  }
}
