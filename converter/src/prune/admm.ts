import type { Definite } from './definite.js';
import { type Pattern, Ranking } from './pattern.js';
import { type Factor, RowProduct } from './row-product.js';

/** Weights [rows, columns] of outputs that are all made from the same inputs. */
export interface WeightMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/**
 * The penalty on the distance between the two copies, where inputs are scaled such that the diagonal is 1:
 * of 0.1 to 3, what left the smallest errors of layers.
 */
const PENALTY = 0.5;

/** Steps over which the number of weights that go grows, and steps with all of them gone. */
export interface Steps {
  readonly growing: number;
  readonly settling: number;
}

/**
 * Weights near those that lose least when some are zero: the alternating direction method of multipliers on
 * min tr((W - V) H (W - V)^T) + [Z fits the pattern], W = Z. All weights move at once, and what has gone
 * can come back for as long as it pays.
 *
 * Sources: Boža 2024, arXiv:2401.02938 (scaling, growing sparsity); Meng et al. 2024, arXiv:2406.07831.
 */
export class Splitting {
  readonly #scales: Float64Array;
  /** (H + p)^-1 of the scaled H. */
  readonly #inverse: Factor;

  /** @param matrix H [columns, columns] */
  constructor(matrix: Definite) {
    this.#scales = matrix.diagonal.map(Math.sqrt);
    this.#inverse = matrix.scaled(this.#scales, PENALTY).inverseFactor;
  }

  /**
   * @param count how many weights go, of V [rows, columns]
   * @returns Z, which fits the pattern; where the error is least for these zeros is yet to be found
   */
  async split(
    { rows, columns, values }: WeightMatrix,
    pattern: Pattern,
    count: number,
    { growing, settling }: Steps,
  ): Promise<Float64Array> {
    const scales = this.#scales;
    const original = Float32Array.from(values, (value, at) => value * scales[at % columns]!);
    using solve = await RowProduct.with(this.#inverse, columns);
    // (H + p)^-1 (H V + p (Z - U)) = V + p (H + p)^-1 (Z - U - V)
    const weights = original.slice();
    const multipliers = new Float32Array(original.length);
    const kept = new Float32Array(original.length);
    const [scores, right] = [new Float32Array(original.length), new Float32Array(original.length)];
    for (let step = 1; step <= growing + settling; step++) {
      for (let at = 0; at < scores.length; at++) {
        scores[at] = (weights[at]! + multipliers[at]!) ** 2;
      }
      // A third root: weights that hardly matter go in large numbers, those that do one by one.
      const part = pattern.limit ? 1 : Math.min(1, step / growing) ** (1 / 3);
      const ranking = new Ranking({ rows, columns, values: scores }, pattern);
      const mask = ranking.mask(Math.round(count * part));
      for (let at = 0; at < right.length; at++) {
        const sum = weights[at]! + multipliers[at]!;
        kept[at] = mask[at] === 1 ? sum : 0;
        multipliers[at] = sum - kept[at]!;
        right[at] = PENALTY * (kept[at]! - multipliers[at]! - original[at]!);
      }
      const moved = await solve.of(right);
      for (let at = 0; at < right.length; at++) weights[at] = original[at]! + moved[at]!;
    }
    return Float64Array.from(kept, (value, at) => value / scales[at % columns]!);
  }
}
