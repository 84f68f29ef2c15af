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
}

/**
 * Compares two tensors element by element, in float64.
 *
 * @param actual, expected elements of any numeric dtype, of the same length
 */
export function compare(
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
): Difference {
  let worst = 0;
  let largest = 0;
  let dot = 0;
  let actualSquared = 0;
  let expectedSquared = 0;
  let noise = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = Number(actual[i]);
    const e = Number(expected[i]);
    // Equal infinities and two NaNs agree; anything else that is not finite makes the sums NaN.
    if (!Number.isFinite(e) && Object.is(a, e)) continue;
    const error = Math.abs(a - e);
    if (error > worst || Number.isNaN(error)) worst = error;
    largest = Math.max(largest, Math.abs(e));
    dot += a * e;
    actualSquared += a * a;
    expectedSquared += e * e;
    noise += error * error;
  }
  const norm = Math.sqrt(actualSquared * expectedSquared);
  return {
    maxAbsoluteError: worst,
    relativeError: worst === 0 ? 0 : worst / largest,
    cosine: noise === 0 ? 1 : norm === 0 ? 0 : dot / norm,
    sqnr: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(expectedSquared / noise),
  };
}
