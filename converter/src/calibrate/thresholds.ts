import type { Extent, Histogram } from './histogram.js';

/** Thresholds that are tried: all larger ones are as far apart as this many to the whole range. */
const CANDIDATES = 128;

/** The bins of a histogram that a threshold leaves: from `first` up to but not including `end`. */
export interface Candidate {
  readonly threshold: number;
  readonly first: number;
  readonly end: number;
}

/**
 * Symmetric thresholds at which a range can be cut, each at a bin's edge, from the widest down to the
 * one that leaves `leastBins` bins. The range that is left always includes zero.
 */
export function* candidates(
  { counts, width }: Histogram,
  { low, high }: Extent,
  leastBins: number,
): Generator<Candidate> {
  const half = counts.length / 2;
  const below = Math.ceil(Math.max(0, -low) / width);
  const above = Math.floor(Math.max(0, high) / width) + 1;
  const widest = Math.min(half, Math.max(below, above));
  const step = Math.max(1, Math.floor(widest / CANDIDATES));
  for (let bins = widest; bins > 0; bins -= step) {
    const [first, end] = [half - Math.min(bins, below), half + Math.min(bins, above)];
    if (end - first < leastBins && bins < widest) return;
    yield { threshold: bins * width, first, end };
  }
}
