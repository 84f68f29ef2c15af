import { leastDivergence } from './divergence.js';
import type { Extent, Histogram } from './histogram.js';
import { leastError } from './squared-error.js';

/** What is known of the values that a tensor takes. */
export interface RangeStatistics {
  /** Of all values. */
  readonly extent: Extent;
  /** Moving averages of the extremes of runs. */
  readonly average: Extent;
  /** There if the method needs it. */
  readonly histogram: Histogram | null;
}

/** The range that a tensor is to be quantized over. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

interface MethodRecord {
  readonly needsHistogram: boolean;
  /** @param levels that the range is divided into: 256 for int8 */
  range(statistics: RangeStatistics, levels: number): Range;
}

/** Values beyond the range, in percent, both sides together. */
const CUT_OFF = 0.001;

/**
 * How a range is chosen. `percentile` cuts off a 100000th of the values, half on each side; `entropy`
 * and `mse` shrink the range towards zero as far as that makes the quantized values most like the
 * others: in the information they carry, or in the mean squared error. With more levels than the
 * histogram has bins on a side the last two keep the whole range.
 */
export const CALIBRATION_METHODS = {
  'min-max': {
    needsHistogram: false,
    range: ({ extent }) => toRange(extent),
  },
  'moving-average': {
    needsHistogram: false,
    range: ({ average }) => toRange(average),
  },
  percentile: {
    needsHistogram: true,
    range: ({ extent, histogram }) => {
      const tail = CUT_OFF / 200;
      const [min, max] = [histogram?.quantile(tail), histogram?.quantile(1 - tail)];
      return clip({ min: min ?? extent.low, max: max ?? extent.high }, extent);
    },
  },
  entropy: {
    needsHistogram: true,
    range: (statistics, levels) => shrunk(statistics, levels, leastDivergence),
  },
  mse: {
    needsHistogram: true,
    range: (statistics, levels) => shrunk(statistics, levels, leastError),
  },
} as const satisfies Record<string, MethodRecord>;

export type CalibrationMethod = keyof typeof CALIBRATION_METHODS;

function toRange({ low, high }: Extent): Range {
  return { min: low, max: high };
}

/** The nearest range within the extent. */
function clip({ min, max }: Range, { low, high }: Extent): Range {
  const inside = (value: number) => Math.min(Math.max(value, low), high);
  return { min: inside(min), max: inside(max) };
}

/** The range cut at plus and minus the threshold that `search` finds. */
function shrunk(
  { extent, histogram }: RangeStatistics,
  levels: number,
  search: (histogram: Histogram, extent: Extent, levels: number) => number,
): Range {
  const whole = toRange(extent);
  if (histogram === null || levels > histogram.counts.length / 2) return whole;
  const threshold = search(histogram, extent, levels);
  return clip(whole, { low: -threshold, high: threshold });
}
