/** How far a tensor is from the one it should equal. */
export interface Difference {
  /** Largest |actual - expected|; NaN where exactly one of the two is NaN or infinities differ. */
  readonly maxAbsoluteError: number;
  /** Largest |actual - expected| over the largest |expected|; 0 for two tensors of zeros. */
  readonly relativeError: number;
  /** Cosine of the angle between the two as vectors; 1 for two zero vectors. */
  readonly cosine: number;
  /** Signal to quantization noise ratio in dB: 10 log10(sum e^2 / sum (a - e)^2); Infinity when equal. */
  readonly sqnr: number;
  /** Mean of (actual - expected)^2. */
  readonly meanSquaredError: number;
}

/** The difference of two tensors over any number of runs, in float64 and constant memory. */
export class Comparison {
  #worst = 0;
  #largest = 0;
  #dot = 0;
  #actualSquared = 0;
  #expectedSquared = 0;
  #noise = 0;
  #count = 0;

  /**
   * Takes the elements of a run.
   *
   * @param actual, expected elements of any numeric dtype, of the same length
   */
  add(actual: ArrayLike<number | bigint>, expected: ArrayLike<number | bigint>): void {
    this.#count += expected.length;
    for (let i = 0; i < expected.length; i++) {
      const a = Number(actual[i]);
      const e = Number(expected[i]);
      // Equal infinities and two NaNs agree; anything else that is not finite makes the sums NaN.
      if (!Number.isFinite(e) && Object.is(a, e)) continue;
      const error = Math.abs(a - e);
      if (error > this.#worst || Number.isNaN(error)) this.#worst = error;
      this.#largest = Math.max(this.#largest, Math.abs(e));
      this.#dot += a * e;
      this.#actualSquared += a * a;
      this.#expectedSquared += e * e;
      this.#noise += error * error;
    }
  }

  get difference(): Difference {
    const norm = Math.sqrt(this.#actualSquared * this.#expectedSquared);
    const isEqual = this.#noise === 0;
    return {
      maxAbsoluteError: this.#worst,
      relativeError: this.#worst === 0 ? 0 : this.#worst / this.#largest,
      cosine: isEqual ? 1 : norm === 0 ? 0 : this.#dot / norm,
      sqnr: isEqual
        ? Number.POSITIVE_INFINITY
        : 10 * Math.log10(this.#expectedSquared / this.#noise),
      meanSquaredError: this.#count === 0 ? 0 : this.#noise / this.#count,
    };
  }
}

/**
 * Compares two tensors element by element.
 *
 * @param actual, expected elements of any numeric dtype, of the same length
 */
export function compare(
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
): Difference {
  const comparison = new Comparison();
  comparison.add(actual, expected);
  return comparison.difference;
}
