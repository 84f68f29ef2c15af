import { invariant } from '@linnet/schema';
import { inverseDiagonal, inverseFactor, squareOfUpper } from '../linear-algebra.js';
import { splitWeights, type WeightMatrix } from './admm.js';
import type { Pattern, Scores } from './pattern.js';

/**
 * Added to the diagonal, as a part of its mean, so that the inverse exists and weights do not follow the
 * noise of few samples.
 */
const DAMPING = 0.01;

/** Steps of a refinement at most, and the part of its first squared residual at which it ends. */
const REFINEMENTS = 8;
const TOLERANCE = 1e-4;

/**
 * What the optimal brain surgeon goes by: the inverse of H = X^T X, the second derivatives of a layer's
 * squared error.
 */
export class Curvature {
  /** H, damped. */
  readonly #gram: Float64Array;
  /** The upper triangular U with H^-1 = U^T U. */
  readonly #factor: Float64Array;
  readonly #diagonal: Float64Array;
  /** What was added to the diagonal. */
  readonly damping: number;

  /** @param gram X^T X of the inputs, or what is left of it without their means: [n, n] */
  constructor(
    gram: Float64Array,
    readonly n: number,
    rows: number,
  ) {
    const damped = gram.slice();
    const damping = dampingOf(gram, n, rows);
    for (let i = 0; i < n; i++) damped[i * n + i]! += damping;
    this.damping = damping;
    this.#gram = damped;
    const factor = inverseFactor(damped, n);
    invariant(factor !== null, 'a damped matrix of moments is positive definite');
    this.#factor = factor;
    this.#diagonal = inverseDiagonal(this.#factor, n);
  }

  /** H^-1, damped: [n, n]. */
  get inverse(): Float64Array {
    return squareOfUpper(this.#factor, this.n);
  }

  /** By how much the squared error grows when one weight goes and all others make up for it. */
  scores({ rows, columns, values }: WeightMatrix): Scores {
    const diagonal = this.#diagonal;
    const scores = values.map((weight, at) => weight ** 2 / diagonal[at % columns]!);
    return { rows, columns, values: scores };
  }

  /** Removes `count` weights, and updates the others to make up for them. */
  async prune(weights: WeightMatrix, pattern: Pattern, count: number): Promise<Float32Array> {
    const result = await splitWeights(weights, this.#gram, pattern, count);
    this.#refine(result, weights);
    return Float32Array.from(result);
  }

  /** Updates weights to make up for those that a mask [rows, columns] removes (0). */
  pruneByMask(weights: WeightMatrix, mask: Uint8Array): Float32Array {
    const result = Float64Array.from(weights.values, (value, at) => value * mask[at]!);
    this.#refine(result, weights);
    return Float32Array.from(result);
  }

  /** H^-1 v for each row v of [rows, n], in place. */
  solve(values: Float64Array): void {
    const { n } = this;
    const u = this.#factor;
    const inner = new Float64Array(n);
    for (let row = 0; row < values.length; row += n) {
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (let j = i; j < n; j++) sum += u[i * n + j]! * values[row + j]!;
        inner[i] = sum;
      }
      values.fill(0, row, row + n);
      for (let i = 0; i < n; i++) {
        for (let j = i; j < n; j++) values[row + j]! += u[i * n + j]! * inner[i]!;
      }
    }
  }

  /**
   * Brings the weights that stay nearer to where the squared error is least: conjugate gradients on
   * each output's weights that are not zero, preconditioned by the diagonal. The error never grows.
   */
  #refine(result: Float64Array, { rows, columns, values }: WeightMatrix): void {
    const gram = this.#gram;
    for (let row = 0; row < rows; row++) {
      const current = result.subarray(row * columns, (row + 1) * columns);
      const support: number[] = [];
      for (let i = 0; i < columns; i++) if (current[i] !== 0) support.push(i);
      const difference = current.map((weight, i) => values[row * columns + i]! - weight);
      const residual = timesOn(support, gram, difference, columns);
      const direction = new Float64Array(columns);
      let [before, first] = [0, 0];
      for (let step = 0; step < REFINEMENTS; step++) {
        let now = 0;
        for (const i of support) now += residual[i]! ** 2 / gram[i * columns + i]!;
        if (step === 0) first = now;
        if (!(now > TOLERANCE * first)) break;
        const keep = step === 0 ? 0 : now / before;
        for (const i of support) {
          direction[i] = residual[i]! / gram[i * columns + i]! + keep * direction[i]!;
        }
        const moved = timesOn(support, gram, direction, columns, support);
        let curvature = 0;
        for (const i of support) curvature += direction[i]! * moved[i]!;
        const length = now / curvature;
        for (const i of support) {
          current[i]! += length * direction[i]!;
          residual[i]! -= length * moved[i]!;
        }
        before = now;
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

/** The entries `rows` of the product of a symmetric [n, n] with a vector that is zero outside `columns`. */
function timesOn(
  rows: readonly number[],
  matrix: Float64Array,
  vector: Float64Array,
  n: number,
  columns?: readonly number[],
): Float64Array {
  const product = new Float64Array(n);
  for (const i of rows) {
    let sum = 0;
    if (columns === undefined) for (let j = 0; j < n; j++) sum += matrix[i * n + j]! * vector[j]!;
    else for (const j of columns) sum += matrix[i * n + j]! * vector[j]!;
    product[i] = sum;
  }
  return product;
}

/** sum over rows of (a - b)^T G (a - b), for a Gram matrix G of the inputs. */
export function squaredError(
  a: Float32Array,
  b: Float32Array,
  { rows, columns }: Pick<WeightMatrix, 'rows' | 'columns'>,
  gram: Float64Array,
): number {
  let error = 0;
  const difference = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) {
      difference[i] = a[row * columns + i]! - b[row * columns + i]!;
    }
    for (let i = 0; i < columns; i++) {
      const by = difference[i]!;
      if (by === 0) continue;
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += gram[i * columns + j]! * difference[j]!;
      error += by * sum;
    }
  }
  return error;
}
