import type { Extent, Histogram } from './histogram.js';
import { candidates } from './thresholds.js';

/** The probability that stands for "never" in the quantized distribution. */
const NEVER = 1e-9;

/**
 * The threshold at which quantized values lose the least information: where the Kullback-Leibler
 * divergence of the quantized distribution from the clipped one is smallest.
 *
 * Source: S. Migacz, 8-bit Inference with TensorRT, GPU Technology Conference 2017; there for
 * magnitudes in 128 levels, here for a range of both signs.
 */
export function leastDivergence(histogram: Histogram, extent: Extent, levels: number): number {
  let best = Number.POSITIVE_INFINITY;
  let chosen = Math.max(-extent.low, extent.high);
  for (const { threshold, first, end } of candidates(histogram, extent, levels)) {
    const divergence = divergenceOf(histogram.counts, first, end, levels);
    if (divergence < best) {
      best = divergence;
      chosen = threshold;
    }
  }
  return chosen;
}

/** KL(P || Q) of the bins from `first` to `end`, which are quantized into `levels`. */
function divergenceOf(counts: Float64Array, first: number, end: number, levels: number): number {
  const sum = (from: number, to: number) => {
    let total = 0;
    for (let i = from; i < to; i++) total += counts[i] as number;
    return total;
  };
  const inside = sum(first, end);
  const [under, over] = [sum(0, first), sum(end, counts.length)];
  const all = inside + under + over;
  if (inside === 0) return Number.POSITIVE_INFINITY;
  let divergence = 0;
  for (let level = 0; level < levels; level++) {
    const from = first + Math.floor((level * (end - first)) / levels);
    const to = first + Math.floor(((level + 1) * (end - first)) / levels);
    let [total, occupied] = [0, 0];
    for (let i = from; i < to; i++) {
      total += counts[i] as number;
      if (counts[i] !== 0) occupied++;
    }
    // A level is spread evenly over its bins in which there is something.
    const spread = total / occupied / inside;
    for (let i = from; i < to; i++) {
      const count = counts[i] as number;
      // What is clipped lands in the outermost bins.
      const clipped = (i === first ? under : 0) + (i === end - 1 ? over : 0);
      const p = (count + clipped) / all;
      if (p > 0) divergence += p * Math.log(p / (count > 0 ? spread : NEVER));
    }
  }
  return divergence;
}
