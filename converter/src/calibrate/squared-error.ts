import type { Extent, Histogram } from './histogram.js';
import { candidates } from './thresholds.js';

/** The threshold at which the squared error of quantized values is smallest. */
export function leastError(histogram: Histogram, extent: Extent, levels: number): number {
  let best = Number.POSITIVE_INFINITY;
  let chosen = Math.max(-extent.low, extent.high);
  for (const { threshold, first, end } of candidates(histogram, extent, levels)) {
    const low = histogram.start(first);
    const high = histogram.start(end);
    const error = squaredError(histogram, low, high, (high - low) / (levels - 1));
    if (error < best) {
      best = error;
      chosen = threshold;
    }
  }
  return chosen;
}

/** Sum of squared errors of the bins' middles on a grid of multiples of `step` in [low, high]. */
function squaredError(histogram: Histogram, low: number, high: number, step: number): number {
  const { counts, width } = histogram;
  let error = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin] as number;
    if (count === 0) continue;
    const middle = histogram.start(bin) + width / 2;
    const clipped = Math.min(Math.max(middle, low), high);
    const off = middle - step * Math.round(clipped / step);
    error += count * off * off;
  }
  return error;
}
