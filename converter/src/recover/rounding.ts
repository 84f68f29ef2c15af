import { dot, inverseFactor, multiply } from '../linear-algebra.js';

/** The grid that the weights of one output channel are rounded to: whole numbers times a scale. */
export interface Grid {
  /** The largest magnitude of the whole numbers: 127 of int8, 7 of int4. */
  readonly limit: number;
  /** Consecutive weights that share a scale; a channel's last block may be shorter. */
  readonly block: number;
}

/** The part of the mean diagonal that is added to it, so that the matrix can be inverted. */
const DAMPING = 0.01;

/** Sweeps over the weights of a channel in search of a better neighbour; few are ever needed. */
const SWEEPS = 8;

/** Scales that are tried, as parts of the one at which no weight saturates. */
const SHRINKS = Array.from({ length: 11 }, (_, index) => 1 - 0.05 * index);

/** Scales are not made smaller for grids this fine: clipping loses more than it gains. */
const FINE = 127;

/** A channel's weights as multiples of scales, one for each weight. */
interface Rounded {
  readonly whole: Float64Array;
  readonly scales: Float64Array;
  readonly error: number;
}

/** The same with the errors e of the weights, and H e. */
interface Trial extends Rounded {
  readonly errors: Float64Array;
  readonly slope: Float64Array;
}

/** A channel to be rounded. */
interface Task {
  readonly weights: Float64Array;
  readonly scales: Float64Array;
  readonly pinned: ReadonlyMap<number, number>;
}

/** Of two ways to round each channel the one with less error. */
function lesser<T extends Rounded>(some: readonly T[], others: readonly T[]): readonly T[] {
  return some.map((own, channel) => {
    const other = others[channel]!;
    return other.error < own.error ? other : own;
  });
}

/**
 * Rounds weights such that the outputs stay as they are: minimizes e^T H e for the error e of each
 * output channel, where H is the second moment of the inputs.
 *
 * Candidates build on one another: the nearest whole numbers; those that come of fixing one weight after
 * the other while the ones still free make up for its error (GPTQ, Frantar et al. 2022, arXiv:2210.17323);
 * and the better of the two, of which single weights are moved by a step for as long as that helps
 * (coordinate descent on the problem of AdaRound, Nagel et al. 2020, arXiv:2004.10568). All are made with
 * scales at which no weight saturates and with smaller ones where these promise less error. So the
 * error is never above that of rounding to the nearest.
 *
 * Each block keeps an element at plus or minus `limit`: whoever derives a scale from the largest
 * magnitude and rounds to the nearest finds these numbers again.
 */
export class Rounder {
  readonly #factor: Float64Array | null;

  /** @param moments H [size, size], symmetric and positive semidefinite, of any scale */
  constructor(
    readonly moments: Float64Array,
    readonly size: number,
    readonly grid: Grid,
  ) {
    let trace = 0;
    for (let i = 0; i < size; i++) trace += moments[i * size + i]!;
    const damped = moments.slice();
    const damping = (DAMPING * trace) / size;
    for (let i = 0; i < size; i++) damped[i * size + i] = damped[i * size + i]! + damping;
    this.#factor = trace > 0 ? inverseFactor(damped, size) : null;
  }

  /**
   * The rounded weights of output channels [size]. Each channel's are what they would be alone, but many
   * take less time together.
   */
  round(channels: readonly Float64Array[]): readonly Float64Array[] {
    let best = this.#rounded(channels, [1]);
    if (this.grid.limit < FINE) best = lesser(best, this.#rounded(channels, SHRINKS));
    return best.map(({ whole, scales }) => whole.map((value, i) => value * scales[i]!));
  }

  #clamp(whole: number): number {
    return Math.min(this.grid.limit, Math.max(-this.grid.limit, whole));
  }

  #rounded(channels: readonly Float64Array[], shrinks: readonly number[]): readonly Rounded[] {
    const tasks = channels.map(
      (weights): Task => ({
        weights,
        scales: this.#scales(weights, shrinks),
        pinned: this.#pinned(weights),
      }),
    );
    const nearest = tasks.map(({ weights, scales, pinned }) =>
      weights.map((weight, i) => pinned.get(i) ?? this.#clamp(Math.round(weight / scales[i]!))),
    );
    let best = this.#tried(nearest, tasks);
    const compensated = this.#compensated(tasks);
    if (compensated !== null) best = lesser(best, this.#tried(compensated, tasks));
    return best.map((trial, channel) => {
      this.#descend(trial, tasks[channel]!.pinned);
      const { whole, scales, errors, slope } = trial;
      return { whole, scales, error: dot(errors, 0, slope, 0, this.size) };
    });
  }

  #tried(wholes: readonly Float64Array[], tasks: readonly Task[]): readonly Trial[] {
    const errors = wholes.map((whole, channel) => {
      const { weights, scales } = tasks[channel]!;
      return whole.map((value, i) => value * scales[i]! - weights[i]!);
    });
    const slopes = multiply(this.moments, errors);
    return wholes.map((whole, channel) => {
      const [own, slope] = [errors[channel]!, slopes[channel]!];
      const { scales } = tasks[channel]!;
      return { whole, scales, errors: own, slope, error: dot(own, 0, slope, 0, this.size) };
    });
  }

  /** For each weight that scale of its block, of some parts of the widest, which makes the error of the nearest least. */
  #scales(weights: Float64Array, shrinks: readonly number[]): Float64Array {
    const { size, moments, grid } = this;
    const scales = new Float64Array(size);
    for (let start = 0; start < size; start += grid.block) {
      const end = Math.min(size, start + grid.block);
      let largest = 0;
      for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(weights[i]!));
      const widest = Math.fround(largest / grid.limit) || 1;
      let [best, least] = [widest, Number.POSITIVE_INFINITY];
      for (const shrink of shrinks) {
        const scale = Math.fround(widest * shrink);
        let error = 0;
        for (let i = start; i < end; i++) {
          const off = this.#clamp(Math.round(weights[i]! / scale)) * scale - weights[i]!;
          error += off * off * moments[i * size + i]!;
        }
        if (error < least) [best, least] = [scale, error];
      }
      scales.fill(best, start, end);
    }
    return scales;
  }

  /** Weights that are not free: the largest of each block, which is at the limit, and zeros, which may be pruned ones. */
  #pinned(weights: Float64Array): ReadonlyMap<number, number> {
    const pinned = new Map<number, number>();
    const { limit, block } = this.grid;
    weights.forEach((weight, i) => {
      if (weight === 0) pinned.set(i, 0);
    });
    for (let start = 0; start < this.size; start += block) {
      let largest = start;
      for (let i = start; i < Math.min(this.size, start + block); i++) {
        if (Math.abs(weights[i]!) > Math.abs(weights[largest]!)) largest = i;
      }
      if (weights[largest]! !== 0) {
        pinned.set(largest, Math.sign(weights[largest]!) * limit);
      }
    }
    return pinned;
  }

  #compensated(tasks: readonly Task[]): readonly Float64Array[] | null {
    const factor = this.#factor;
    if (factor === null) return null;
    const { size } = this;
    const lefts = tasks.map(({ weights }) => weights.slice());
    const wholes = tasks.map(() => new Float64Array(size));
    for (let i = 0; i < size; i++) {
      const row = i * size;
      for (const [channel, { scales, pinned }] of tasks.entries()) {
        const [left, scale] = [lefts[channel]!, scales[i]!];
        const whole = pinned.get(i) ?? this.#clamp(Math.round(left[i]! / scale));
        wholes[channel]![i] = whole;
        const off = left[i]! - whole * scale;
        if (off === 0) continue;
        const by = off / factor[row + i]!;
        for (let j = i + 1; j < size; j++) left[j] = left[j]! - by * factor[row + j]!;
      }
    }
    return wholes;
  }

  /** Moves single weights by a step while that lowers the error. */
  #descend({ whole, scales, errors, slope }: Trial, pinned: ReadonlyMap<number, number>): void {
    const { size, moments } = this;
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      let moved = false;
      for (let i = 0; i < size; i++) {
        const step = slope[i]! > 0 ? -scales[i]! : scales[i]!;
        const next = whole[i]! + Math.sign(step);
        const gain = -2 * step * slope[i]! - step * step * moments[i * size + i]!;
        // Gains below the rounding of the sums would let a weight move to and fro.
        if (gain <= 1e-9 * Math.abs(step * slope[i]!) || pinned.has(i)) continue;
        if (Math.abs(next) > this.grid.limit) continue;
        whole[i] = next;
        errors[i] = errors[i]! + step;
        for (let j = 0; j < size; j++) slope[j] = slope[j]! + step * moments[i * size + j]!;
        moved = true;
      }
      if (!moved) return;
    }
  }
}
