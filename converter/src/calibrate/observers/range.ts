import { LinnetError, UNKNOWN_DIM } from '@linnet/schema';
import { type Extent, extentOf, Histogram } from '../histogram.js';
import type { Observer } from '../observer.js';
import type { ProbeGraph } from '../probe-graph.js';

/**
 * Elements of a tensor that a run adds to its histogram at most. Of larger tensors every so manyth
 * is taken, at a distance that visits all channels; the extremes are those of all elements.
 */
const SAMPLED_ELEMENTS = 2 ** 12;

/** Rows that a tensor is searched in, so that threads can share the work. */
const SEARCH_ROWS = 16;

/** Weight of a run in the moving averages. Source: PyTorch's MovingAverageMinMaxObserver. */
const AVERAGING = 0.01;

/** The values that one tensor takes. */
export class RangeObserver implements Observer {
  /** Of all elements of all runs; low > high before the first. */
  extent: Extent = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
  /** Exponential moving averages of each run's extremes, which start at the first run's. */
  average: Extent | null = null;
  readonly histogram: Histogram | null;

  /** @param tensor index of a floating-point tensor of the model */
  constructor(
    readonly tensor: number,
    readonly name: string,
    options: { readonly histogram: boolean },
  ) {
    this.histogram = options.histogram ? new Histogram() : null;
  }

  probe(graph: ProbeGraph): readonly number[] {
    const { shape } = graph.tensor(this.tensor);
    // Dimensions that a run decides are taken as 1: more is only more work.
    const count = shape.reduce((product, dim) => product * (dim === UNKNOWN_DIM ? 1 : dim), 1);
    const columns = Math.max(1, count / largestDivisor(count, SEARCH_ROWS));
    const values = graph.real(this.tensor);
    const rows = graph.reshape(values, [UNKNOWN_DIM, columns]);
    const axis = graph.integers([1]);
    const extremes = (['REDUCE_MIN', 'REDUCE_MAX'] as const).map((op) =>
      graph.op(op, [rows, axis], { keepDims: false }, [UNKNOWN_DIM]),
    );
    if (this.histogram === null) return extremes;
    const flat = graph.reshape(values, [UNKNOWN_DIM]);
    return [...extremes, graph.every(flat, [stepFor(count, shape.at(-1) ?? 1)])];
  }

  update([lows, highs, sampled]: readonly Float32Array[]): void {
    const { low } = extentOf(lows as Float32Array);
    const { high } = extentOf(highs as Float32Array);
    // A tensor that has no elements in this run.
    if (lows?.length === 0 || low > high) return;
    if (!Number.isFinite(low) || !Number.isFinite(high)) {
      throw new LinnetError(
        'INVALID_ARGUMENT',
        `the model computes ${Number.isFinite(low) ? high : low}`,
        { tensor: this.name },
        ['Quantized tensors hold finite numbers only; see whether the sample is a sensible one.'],
      );
    }
    this.extent = { low: Math.min(this.extent.low, low), high: Math.max(this.extent.high, high) };
    const { low: lowBefore, high: highBefore } = this.average ?? { low, high };
    this.average = {
      low: lowBefore + AVERAGING * (low - lowBefore),
      high: highBefore + AVERAGING * (high - highBefore),
    };
    this.histogram?.add(sampled as Float32Array, { low, high });
  }
}

/** The distance between sampled elements: one that has no factor in common with the channels. */
function stepFor(count: number, channels: number): number {
  let step = Math.max(1, Math.ceil(count / SAMPLED_ELEMENTS));
  while (step > 1 && greatestCommonDivisor(step, channels) > 1) step++;
  return step;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** The largest divisor of a number that is at most `limit`. */
function largestDivisor(number: number, limit: number): number {
  let divisor = Math.min(limit, Math.max(1, number));
  while (number % divisor !== 0) divisor--;
  return divisor;
}
