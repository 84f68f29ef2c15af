import type { WeightMatrix } from './admm.js';
import type { Definite } from './definite.js';
import type { Pattern } from './pattern.js';

/** What an exchange has to gain, as a part of the output's squares. */
const LEAST_GAIN = 1e-7;

/**
 * Exchanges weights that are zero for others of the same output for as long as the squared error
 * (V - W) H (V - W)^T falls, always the pair that gains most. What stays is the optimum for its zeros then.
 * Limits of patterns are kept.
 *
 * Sources: Goodnight 1979, "A Tutorial on the SWEEP Operator", The American Statistician 33(3); Miller 2002,
 * "Subset Selection in Regression", section 3.4 (sequential replacement).
 *
 * @param definite H, of as many inputs as the target has
 * @param target V
 * @param pattern of single weights; zeros in blocks stay as they are
 * @param weights W [rows, columns] to begin with, changed in place
 * @param most multiplications; matrices that would take more stay as they are
 */
export function exchangeZeros(
  definite: Pick<Definite, 'matrix'>,
  { rows, columns, values }: WeightMatrix,
  pattern: Pattern,
  weights: Float64Array,
  most: number,
): void {
  if (pattern.block[0] * pattern.block[1] > 1) return;
  // Half of the weights are swept in, each through the lower triangle.
  if ((rows * columns ** 3) / 4 > most) return;
  const tableau = new Tableau(definite.matrix, columns);
  const run = pattern.limit?.of ?? columns;
  for (let start = 0; start < weights.length; start += columns) {
    const own = weights.subarray(start, start + columns);
    const energy = tableau.reset(values.subarray(start, start + columns));
    for (const [i, weight] of own.entries()) if (weight !== 0) tableau.sweep(i);
    for (let time = 0; time < columns; time++) {
      if (!tableau.exchange(run, LEAST_GAIN * energy)) break;
    }
    tableau.read(own);
  }
}

/**
 * The normal equations of one output's weights, solved for some of them. With S those, the entries are
 * -(H_SS)^-1 for two of S, (H_SS)^-1 H_SZ for one of each, and what the others leave of H for two that are not.
 */
class Tableau {
  /** The lower triangle of [n, n]. */
  readonly #entries: Float64Array;
  /** The weights of S, and for the others the gradient H (v - w) there. */
  readonly #right: Float64Array;
  readonly #isIn: Uint8Array;
  readonly #column: Float64Array;

  constructor(
    readonly matrix: Float64Array,
    readonly n: number,
  ) {
    this.#entries = new Float64Array(n * n);
    this.#right = new Float64Array(n);
    this.#isIn = new Uint8Array(n);
    this.#column = new Float64Array(n);
  }

  /** Begins with all weights zero; returns v^T H v. */
  reset(target: Float32Array): number {
    const { matrix, n } = this;
    this.#entries.set(matrix);
    this.#isIn.fill(0);
    let energy = 0;
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += matrix[i * n + j]! * target[j]!;
      this.#right[i] = sum;
      energy += sum * target[i]!;
    }
    return energy;
  }

  /** Takes a weight into S, or out of it. */
  sweep(k: number): void {
    const { n } = this;
    const entries = this.#entries;
    const column = this.#column;
    const right = this.#right;
    const pivot = entries[k * n + k]!;
    for (let i = 0; i < n; i++) column[i] = entries[i < k ? k * n + i : i * n + k]!;
    for (let i = 0; i < n; i++) {
      const by = column[i]! / pivot;
      if (by === 0 || i === k) continue;
      const row = i * n;
      for (let j = 0; j <= i; j++) entries[row + j]! -= by * column[j]!;
      right[i]! -= by * right[k]!;
    }
    const sign = this.#isIn[k] === 1 ? -1 : 1;
    for (let j = 0; j < k; j++) entries[k * n + j] = (sign * column[j]!) / pivot;
    for (let i = k + 1; i < n; i++) entries[i * n + k] = (sign * column[i]!) / pivot;
    entries[k * n + k] = -1 / pivot;
    right[k] = (sign * right[k]!) / pivot;
    this.#isIn[k] = 1 - this.#isIn[k]!;
  }

  /** Exchanges the two weights of a run of neighbours that gain most by it; false where none gains more than `least`. */
  exchange(run: number, least: number): boolean {
    const { n } = this;
    const entries = this.#entries;
    const right = this.#right;
    const isIn = this.#isIn;
    let [best, from, to] = [least, -1, -1];
    for (let z = 0; z < n; z++) {
      if (isIn[z] === 1) continue;
      const left = entries[z * n + z]!;
      const moved = right[z]! / left;
      const gain = moved * right[z]!;
      if (gain <= best) continue;
      const first = z - (z % run);
      const end = Math.min(n, first + run);
      for (let s = first; s < end; s++) {
        if (isIn[s] === 0) continue;
        const between = entries[s < z ? z * n + s : s * n + z]!;
        const weight = right[s]! - between * moved;
        const net = gain - weight ** 2 / (between ** 2 / left - entries[s * n + s]!);
        if (net > best) [best, from, to] = [net, s, z];
      }
    }
    if (from < 0) return false;
    this.sweep(to);
    this.sweep(from);
    return true;
  }

  /** The weights of S, and zero for the others. */
  read(weights: Float64Array): void {
    for (let i = 0; i < weights.length; i++) weights[i] = this.#isIn[i] === 1 ? this.#right[i]! : 0;
  }
}
