import { invariant } from '@linnet/schema';
import { inverseDiagonal, inverseFactor } from '../linear-algebra.js';
import { type Pattern, Ranking, type Scores } from './pattern.js';

/** Weights [rows, columns] of outputs that are all made from the same inputs. */
export interface WeightMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** Inputs whose weights are chosen and updated in one go; a multiple of all patterns' runs. */
const COLUMNS_AT_ONCE = 128;

/**
 * Added to the diagonal, as a part of its mean, so that the inverse exists and weights do not follow the
 * noise of few samples.
 */
const DAMPING = 0.03;

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
  ) {
    const damped = gram.slice();
    let trace = 0;
    for (let i = 0; i < n; i++) trace += gram[i * n + i]!;
    // Where all inputs are zero nothing can go wrong.
    const damping = trace === 0 ? 1 : (DAMPING * trace) / n;
    for (let i = 0; i < n; i++) damped[i * n + i]! += damping;
    this.damping = damping;
    this.#gram = damped;
    const factor = inverseFactor(damped, n);
    invariant(factor !== null, 'a damped matrix of moments is positive definite');
    this.#factor = factor;
    this.#diagonal = inverseDiagonal(this.#factor, n);
  }

  /** By how much the squared error grows when one weight goes and all others make up for it. */
  scores({ rows, columns, values }: WeightMatrix): Scores {
    const diagonal = this.#diagonal;
    const scores = values.map((weight, at) => weight ** 2 / diagonal[at % columns]!);
    return { rows, columns, values: scores };
  }

  /**
   * Removes `count` weights and updates the others to make up for them.
   *
   * Inputs are dealt with in order: the weights that go are chosen among the next few inputs, and what
   * each takes with it is spread over the inputs after it. How many go from which inputs is known from
   * the scores of all. Source: SparseGPT, arXiv:2301.00774.
   */
  prune(weights: WeightMatrix, pattern: Pattern, count: number): Float32Array {
    const { rows, columns } = weights;
    const planned = new Ranking(this.scores(weights), pattern).mask(count);
    const result = Float64Array.from(weights.values);
    for (let start = 0; start < columns; start += COLUMNS_AT_ONCE) {
      const end = Math.min(start + COLUMNS_AT_ONCE, columns);
      const mask = this.#chooseBlock(result, planned, { rows, columns, start, end }, pattern);
      this.#sweep(result, weights, start, end, mask);
    }
    this.#refine(result, weights);
    return Float32Array.from(result);
  }

  /** Updates weights to make up for those that a mask [rows, columns] removes (0). */
  pruneByMask(weights: WeightMatrix, mask: Uint8Array): Float32Array {
    const result = Float64Array.from(weights.values);
    this.#sweep(result, weights, 0, weights.columns, mask);
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

  /** The mask of a run of inputs, as many weights going as are planned to. */
  #chooseBlock(
    weights: Float64Array,
    planned: Uint8Array,
    { rows, columns, start, end }: { rows: number; columns: number; start: number; end: number },
    pattern: Pattern,
  ): Uint8Array {
    const width = end - start;
    const values = new Float32Array(rows * width);
    let count = 0;
    for (let row = 0; row < rows; row++) {
      for (let column = start; column < end; column++) {
        const pivot = this.#factor[column * this.n + column]!;
        const at = row * columns + column;
        values[row * width + column - start] = (weights[at]! / pivot) ** 2;
        count += 1 - planned[at]!;
      }
    }
    return new Ranking({ rows, columns: width, values }, pattern).mask(count);
  }

  /** Removes what a mask of the inputs from `start` to `end` does, and updates the inputs after each. */
  #sweep(
    result: Float64Array,
    { rows, columns }: WeightMatrix,
    start: number,
    end: number,
    mask: Uint8Array,
  ): void {
    const { n } = this;
    const factor = this.#factor;
    for (let row = 0; row < rows; row++) {
      const first = row * columns;
      for (let j = start; j < end; j++) {
        if (mask[row * (end - start) + j - start] === 1) continue;
        const error = result[first + j]! / factor[j * n + j]!;
        if (error !== 0) {
          for (let k = j + 1; k < n; k++) result[first + k]! -= error * factor[j * n + k]!;
        }
        result[first + j] = 0;
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
