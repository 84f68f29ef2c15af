import { invariant } from '@linnet/schema';
import {
  dot,
  inverseDiagonal,
  inverseFactor,
  ROWS_IN_CACHE,
  squareOfUpper,
} from '../linear-algebra.js';
import type { Factor } from './row-product.js';

/** A symmetric positive definite matrix A [n, n], and its inverse. */
export interface Definite {
  readonly n: number;
  /** A [n, n]. */
  readonly matrix: Float64Array;
  readonly diagonal: Float64Array;
  readonly inverseDiagonal: Float64Array;
  /** A, to multiply rows by. */
  readonly factor: Factor;
  /** A^-1, to multiply rows by. */
  readonly inverseFactor: Factor;
  /** A^-1 [n, n]. */
  inverse(): Float64Array;
  /** A^-1 v for each row v of [rows, n], in place. */
  solve(values: Float64Array): void;
  /** S^-1 A S^-1 + p I for a diagonal S. */
  scaled(scales: Float64Array, p: number): Definite;
}

/**
 * A Gram matrix with something added to its diagonal: as the sum of a diagonal and the square of a few
 * columns where there are few rows, whose products take a fraction of the time.
 *
 * @param gram [n, n], the sum of the squares of at most `rows` rows
 */
export function damped(gram: Float64Array, n: number, rows: number, damping: number): Definite {
  const most = Math.floor(n / LEAST_SAVING);
  const columns = rows <= most ? choleskyColumns(gram, n, most, damping * NEGLIGIBLE) : null;
  if (columns !== null) return new LowRank(new Float64Array(n).fill(damping), columns);
  const matrix = gram.slice();
  for (let i = 0; i < n; i++) matrix[i * n + i]! += damping;
  return new Dense(matrix, n);
}

/** So many columns fewer than the matrix has. */
const LEAST_SAVING = 4;

/** What may be missing of the diagonal, as a part of what is added to it. */
const NEGLIGIBLE = 1e-3;

/**
 * Columns L [n, r] with L L^T = A but for a remainder whose diagonal is at most `tolerance`: Cholesky's
 * method, which takes the largest pivot that is left. Null where more than `most` are needed, or none.
 */
function choleskyColumns(
  matrix: Float64Array,
  n: number,
  most: number,
  tolerance: number,
): Float64Array | null {
  const left = Float64Array.from({ length: n }, (_, i) => matrix[i * n + i]!);
  const columns: Float64Array[] = [];
  for (;;) {
    const pivot = left.indexOf(left.reduce((a, b) => Math.max(a, b)));
    if (left[pivot]! <= tolerance) break;
    if (columns.length === most) return null;
    const root = Math.sqrt(left[pivot]!);
    const column = matrix.slice(pivot * n, (pivot + 1) * n);
    for (const before of columns) {
      const by = before[pivot]!;
      for (let i = 0; i < n; i++) column[i]! -= by * before[i]!;
    }
    for (let i = 0; i < n; i++) {
      column[i]! /= root;
      left[i]! -= column[i]! ** 2;
    }
    left[pivot] = 0;
    columns.push(column);
  }
  const r = columns.length;
  if (r === 0) return null;
  return new Float64Array(n * r).map((_, at) => columns[at % r]![Math.floor(at / r)]!);
}

/** One whose elements are all kept. */
class Dense implements Definite {
  readonly diagonal: Float64Array;
  readonly inverseDiagonal: Float64Array;
  /** The upper triangular U with A^-1 = U^T U. */
  readonly #upper: Float64Array;

  constructor(
    readonly matrix: Float64Array,
    readonly n: number,
  ) {
    const upper = inverseFactor(matrix, n);
    invariant(upper !== null, 'a damped matrix of moments is positive definite');
    this.#upper = upper;
    this.diagonal = Float64Array.from({ length: n }, (_, i) => matrix[i * n + i]!);
    this.inverseDiagonal = inverseDiagonal(upper, n);
  }

  get factor(): Factor {
    return { kind: 'dense', values: Float32Array.from(this.matrix) };
  }

  get inverseFactor(): Factor {
    return { kind: 'dense', values: Float32Array.from(this.inverse()) };
  }

  inverse(): Float64Array {
    return squareOfUpper(this.#upper, this.n);
  }

  solve(values: Float64Array): void {
    const { n } = this;
    const u = this.#upper;
    const inner = new Float64Array(ROWS_IN_CACHE * n);
    for (let start = 0; start < values.length; start += ROWS_IN_CACHE * n) {
      const some = values.subarray(start, start + ROWS_IN_CACHE * n);
      for (let i = 0; i < n; i++) {
        for (let row = 0; row < some.length; row += n) {
          inner[row + i] = dot(u, i * n + i, some, row + i, n - i);
        }
      }
      some.fill(0);
      for (let i = 0; i < n; i++) {
        for (let row = 0; row < some.length; row += n) {
          const by = inner[row + i]!;
          for (let j = i; j < n; j++) some[row + j]! += u[i * n + j]! * by;
        }
      }
    }
  }

  scaled(scales: Float64Array, p: number): Definite {
    const { n } = this;
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const at = i * n + j;
        matrix[at] = this.matrix[at]! / (scales[i]! * scales[j]!);
      }
      matrix[i * n + i]! += p;
    }
    return new Dense(matrix, n);
  }
}

/** D + L L^T, whose inverse is D^-1 - M M^T (the Woodbury identity). */
class LowRank implements Definite {
  readonly n: number;
  readonly #inverseColumns: Float64Array;

  /**
   * @param added D, its diagonal [n]
   * @param columns L [n, r]
   */
  constructor(
    readonly added: Float64Array,
    readonly columns: Float64Array,
  ) {
    this.n = added.length;
    this.#inverseColumns = inverseColumns(added, columns);
  }

  get matrix(): Float64Array {
    const { n, added, columns } = this;
    const r = columns.length / n;
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) matrix[i * n + j] = dot(columns, i * r, columns, j * r, r);
      matrix[i * n + i]! += added[i]!;
    }
    return matrix;
  }

  get diagonal(): Float64Array {
    return this.added.map((value, i) => value + squareOfRow(this.columns, this.n, i));
  }

  get inverseDiagonal(): Float64Array {
    return this.added.map((value, i) => 1 / value - squareOfRow(this.#inverseColumns, this.n, i));
  }

  get factor(): Factor {
    return { kind: 'low-rank', diagonal: this.added, columns: this.columns, sign: 1 };
  }

  get inverseFactor(): Factor {
    const diagonal = this.added.map((value) => 1 / value);
    return { kind: 'low-rank', diagonal, columns: this.#inverseColumns, sign: -1 };
  }

  inverse(): Float64Array {
    const { n } = this;
    const inverse = new Float64Array(n * n);
    for (let i = 0; i < n; i++) inverse[i * n + i] = 1;
    this.solve(inverse);
    return inverse;
  }

  solve(values: Float64Array): void {
    const { n, added } = this;
    const m = this.#inverseColumns;
    const r = m.length / n;
    const inner = new Float64Array(r);
    for (let row = 0; row < values.length; row += n) {
      inner.fill(0);
      for (let i = 0; i < n; i++) {
        for (let k = 0; k < r; k++) inner[k]! += m[i * r + k]! * values[row + i]!;
      }
      for (let i = 0; i < n; i++) {
        values[row + i] = values[row + i]! / added[i]! - dot(m, i * r, inner, 0, r);
      }
    }
  }

  scaled(scales: Float64Array, p: number): Definite {
    const r = this.columns.length / this.n;
    return new LowRank(
      this.added.map((value, i) => value / scales[i]! ** 2 + p),
      this.columns.map((value, at) => value / scales[Math.floor(at / r)]!),
    );
  }
}

/** M [n, r] with (D + L L^T)^-1 = D^-1 - M M^T: D^-1 L U^T for U^T U = (I + L^T D^-1 L)^-1. */
function inverseColumns(added: Float64Array, columns: Float64Array): Float64Array {
  const n = added.length;
  const r = columns.length / n;
  const inner = new Float64Array(r * r);
  for (let k = 0; k < r; k++) inner[k * r + k] = 1;
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < r; k++) {
      const by = columns[i * r + k]! / added[i]!;
      for (let l = 0; l < r; l++) inner[k * r + l]! += by * columns[i * r + l]!;
    }
  }
  const upper = inverseFactor(inner, r);
  invariant(upper !== null, 'one plus a square is positive definite');
  return new Float64Array(n * r).map((_, at) => {
    const [i, k] = [Math.floor(at / r), at % r];
    return dot(columns, i * r, upper, k * r, r) / added[i]!;
  });
}

function squareOfRow(columns: Float64Array, n: number, row: number): number {
  const r = columns.length / n;
  return dot(columns, row * r, columns, row * r, r);
}
