import { multiplyRows } from '../linear-algebra.js';
import { Splitting, type Steps, type WeightMatrix } from './admm.js';
import { type Definite, damped } from './definite.js';
import { exchangeZeros } from './exchange.js';
import { type Pattern, Ranking, type Scores } from './pattern.js';
import { RowProduct } from './row-product.js';

/**
 * Added to the diagonal, as a part of its mean, so that the inverse exists and weights do not follow the
 * noise of few samples.
 */
const DAMPING = 0.01;

/** How thoroughly weights are chosen: to compare degrees of sparsity, or to stay. */
export type Effort = 'trial' | 'final';

/** Steps of alternating directions, and multiplications to exchange zeros at most. */
const EFFORTS: Readonly<Record<Effort, { readonly steps: Steps; readonly exchanging: number }>> = {
  trial: { steps: { growing: 10, settling: 5 }, exchanging: 2 ** 26 },
  final: { steps: { growing: 20, settling: 10 }, exchanging: 2 ** 29 },
};

export interface PrunedWeights {
  readonly weights: Float32Array;
  /** The squared error of the outputs, in the method's own measure. */
  readonly error: number;
}

/** Steps of a refinement at most, and the part of its first squared residual at which it ends. */
const REFINEMENTS = 8;
const TOLERANCE = 1e-4;

/**
 * What the optimal brain surgeon goes by: the inverse of H = X^T X, the second derivatives of a layer's
 * squared error.
 */
export class Curvature {
  /** H, damped. */
  readonly #matrix: Definite;
  #splitting: Splitting | undefined;
  /** What was added to the diagonal. */
  readonly damping: number;

  /** @param gram X^T X of the inputs, or what is left of it without their means: [n, n] */
  constructor(
    gram: Float64Array,
    readonly n: number,
    rows: number,
  ) {
    this.damping = dampingOf(gram, n, rows);
    this.#matrix = damped(gram, n, rows, this.damping);
  }

  /** H^-1, damped: [n, n]. */
  get inverse(): Float64Array {
    return this.#matrix.inverse();
  }

  /** By how much the squared error grows when one weight goes and all others make up for it. */
  scores({ rows, columns, values }: WeightMatrix): Scores {
    const diagonal = this.#matrix.inverseDiagonal;
    const scores = values.map((weight, at) => weight ** 2 / diagonal[at % columns]!);
    return { rows, columns, values: scores };
  }

  /**
   * Removes `count` weights, and updates the others to make up for them.
   *
   * @returns them, with the squared error of what they give, damped
   */
  async prune(
    weights: WeightMatrix,
    pattern: Pattern,
    count: number,
    effort: Effort,
  ): Promise<PrunedWeights> {
    this.#splitting ??= new Splitting(this.#matrix);
    using product = await RowProduct.with(this.#matrix.factor, this.n);
    const { steps, exchanging } = EFFORTS[effort];
    const result = await this.#splitting.split(weights, pattern, count, steps);
    exchangeZeros(this.#matrix, weights, pattern, result, exchanging);
    const found = await this.#nearest(weights, result, product);
    // The search is a heuristic: where it does not pay, the plain choice stands.
    const squares = weights.values.map((weight) => weight ** 2);
    const mask = new Ranking({ ...weights, values: squares }, pattern).mask(count);
    const gone = weights.values.map((weight, at) => (mask[at] === 1 ? 0 : weight));
    const error = innerProduct(gone, await product.of(gone));
    if (found.error <= error) return found;
    return { weights: weights.values.map((weight, at) => weight - gone[at]!), error };
  }

  /** The weights that are not zero at `start` such that all are nearest to the wanted ones. */
  async fit(wanted: WeightMatrix, start: Float32Array): Promise<Float32Array> {
    using product = await RowProduct.with(this.#matrix.factor, this.n);
    return (await this.#nearest(wanted, Float64Array.from(start), product)).weights;
  }

  async #nearest(
    { values }: WeightMatrix,
    result: Float64Array,
    product: RowProduct,
  ): Promise<PrunedWeights> {
    const difference = Float32Array.from(values, (value, at) => value - result[at]!);
    const residual = Float64Array.from(await product.of(difference));
    await this.#refine(result, residual, product);
    const left = values.map((value, at) => value - result[at]!);
    return { weights: Float32Array.from(result), error: innerProduct(left, residual) };
  }

  /** H^-1 v for each row v of [rows, n], in place. */
  solve(values: Float64Array): void {
    this.#matrix.solve(values);
  }

  /**
   * Brings the weights that stay nearer to where the squared error is least: conjugate gradients on
   * each output's weights that are not zero, preconditioned by the diagonal, all outputs at once.
   */
  async #refine(result: Float64Array, residual: Float64Array, product: RowProduct): Promise<void> {
    const { diagonal } = this.#matrix;
    const columns = this.n;
    const rows = result.length / columns;
    const direction = new Float32Array(result.length);
    // By row: the squared residual at first and before the last step; 0 where there is no more to gain.
    const [first, before] = [new Float64Array(rows), new Float64Array(rows)];
    for (let step = 0; step < REFINEMENTS; step++) {
      let isDone = true;
      for (let row = 0; row < rows; row++) {
        const start = row * columns;
        let now = 0;
        for (let i = 0; i < columns; i++) {
          if (result[start + i] !== 0) now += residual[start + i]! ** 2 / diagonal[i]!;
        }
        if (step === 0) first[row] = now;
        const goesOn = now > TOLERANCE * first[row]! && (step === 0 || before[row]! > 0);
        const keep = step === 0 || !goesOn ? 0 : now / before[row]!;
        for (let i = 0; i < columns; i++) {
          const at = start + i;
          const gradient = goesOn && result[at] !== 0 ? residual[at]! / diagonal[i]! : 0;
          direction[at] = gradient + keep * direction[at]!;
        }
        before[row] = goesOn ? now : 0;
        if (goesOn) isDone = false;
      }
      if (isDone) return;
      const moved = await product.of(direction);
      for (let row = 0; row < rows; row++) {
        if (before[row] === 0) continue;
        const [start, end] = [row * columns, (row + 1) * columns];
        let curvature = 0;
        for (let at = start; at < end; at++) curvature += direction[at]! * moved[at]!;
        const length = before[row]! / curvature;
        for (let at = start; at < end; at++) {
          result[at]! += length * direction[at]!;
          residual[at]! -= length * moved[at]!;
        }
      }
    }
  }
}

/**
 * What to add to the diagonal of a Gram matrix of few rows so that it is nearest to the one of many: the
 * oracle approximating shrinkage. Source: Chen et al. 2010, arXiv:0907.4698, equation 23.
 */
function dampingOf(gram: Float64Array, n: number, rows: number): number {
  let [trace, squares] = [0, 0];
  for (let i = 0; i < n; i++) trace += gram[i * n + i]!;
  for (const value of gram) squares += value ** 2;
  // Where all inputs are zero nothing can go wrong.
  if (trace === 0) return 1;
  const spread = squares - trace ** 2 / n;
  const part = ((1 - 2 / n) * squares + trace ** 2) / ((rows + 1 - 2 / n) * spread);
  const shrinkage = spread > 0 ? Math.min(part, 0.5) : 0.5;
  return (Math.max(DAMPING, shrinkage / (1 - shrinkage)) * trace) / n;
}

function innerProduct(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** sum over rows of (a - b)^T G (a - b), for a Gram matrix G of the inputs. */
export function squaredError(
  a: Float32Array,
  b: Float32Array,
  columns: number,
  gram: Float64Array,
): number {
  const difference = a.map((value, at) => value - b[at]!);
  const products = multiplyRows(gram, difference, columns);
  return products.reduce((sum, product, at) => sum + product * difference[at]!, 0);
}
