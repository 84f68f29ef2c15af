/** Factors of symmetric matrices, stored dense and row by row in float64. */

/**
 * The sum over i < count of a[aStart + i] b[bStart + i], in four parts, which do not wait for one
 * another.
 */
export function dot(
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  count: number,
): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < count; i += 4) {
    s0 += a[aStart + i]! * b[bStart + i]!;
    s1 += a[aStart + i + 1]! * b[bStart + i + 1]!;
    s2 += a[aStart + i + 2]! * b[bStart + i + 2]!;
    s3 += a[aStart + i + 3]! * b[bStart + i + 3]!;
  }
  for (; i < count; i++) s0 += a[aStart + i]! * b[bStart + i]!;
  return s0 + s1 + (s2 + s3);
}

/** Vectors that a row of a matrix is multiplied by at a time. */
const AT_ONCE = 4;

/**
 * A v for a matrix A [size, size] and vectors v [size]: each row of A is taken out of memory once
 * for all of them.
 */
export function multiply(
  matrix: Float64Array,
  vectors: readonly Float64Array[],
): readonly Float64Array[] {
  const size = vectors[0]?.length ?? 0;
  const products = vectors.map(() => new Float64Array(size));
  const whole = vectors.length - (vectors.length % AT_ONCE);
  for (let i = 0; i < size; i++) {
    for (let v = 0; v < whole; v += AT_ONCE) multiplyRow(matrix, i, vectors, v, products);
    for (let v = whole; v < vectors.length; v++) {
      products[v]![i] = dot(matrix, i * size, vectors[v]!, 0, size);
    }
  }
  return products;
}

/** Rows that are gone through together, so that they stay in a cache while a matrix passes by. */
export const ROWS_IN_CACHE = 16;

/** A v for a matrix A [size, size] and each row v of [rows, size]. */
export function multiplyRows(matrix: Float64Array, rows: Float32Array, size: number): Float64Array {
  const products = new Float64Array(rows.length);
  for (let start = 0; start < rows.length; start += ROWS_IN_CACHE * size) {
    const end = Math.min(rows.length, start + ROWS_IN_CACHE * size);
    const vectors: Float64Array[] = [];
    for (let at = start; at < end; at += size) {
      vectors.push(Float64Array.from(rows.subarray(at, at + size)));
    }
    for (const [v, product] of multiply(matrix, vectors).entries()) {
      products.set(product, start + v * size);
    }
  }
  return products;
}

/** Element i of the products of AT_ONCE vectors from `first` on. */
function multiplyRow(
  matrix: Float64Array,
  i: number,
  vectors: readonly Float64Array[],
  first: number,
  products: readonly Float64Array[],
): void {
  const [a, b] = [vectors[first]!, vectors[first + 1]!];
  const [c, d] = [vectors[first + 2]!, vectors[first + 3]!];
  const size = a.length;
  const row = i * size;
  let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
  for (let k = 0; k < size; k++) {
    const by = matrix[row + k]!;
    sumA += by * a[k]!;
    sumB += by * b[k]!;
    sumC += by * c[k]!;
    sumD += by * d[k]!;
  }
  products[first]![i] = sumA;
  products[first + 1]![i] = sumB;
  products[first + 2]![i] = sumC;
  products[first + 3]![i] = sumD;
}

/**
 * The lower triangle L with L L^T = A.
 *
 * @param matrix A [size, size], symmetric; only its lower triangle is read
 * @returns L [size, size] with zeros above the diagonal, or null where A is not positive definite
 */
export function cholesky(matrix: Float64Array, size: number): Float64Array | null {
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const a = row * size;
    let column = 0;
    // Four columns at a time, which read the row once: their products with it, then what they owe one another.
    for (; column + 3 < row; column += 4) {
      const [b, c] = [column * size, (column + 1) * size];
      const [d, e] = [(column + 2) * size, (column + 3) * size];
      let [sumB, sumC, sumD, sumE] = [0, 0, 0, 0];
      for (let k = 0; k < column; k++) {
        const by = lower[a + k]!;
        sumB += by * lower[b + k]!;
        sumC += by * lower[c + k]!;
        sumD += by * lower[d + k]!;
        sumE += by * lower[e + k]!;
      }
      const at = a + column;
      lower[at] = sumB;
      lower[at + 1] = sumC;
      lower[at + 2] = sumD;
      lower[at + 3] = sumE;
      for (let i = 0; i < 4; i++) {
        const own = (column + i) * size + column;
        const sum = lower[at + i]! + dot(lower, at, lower, own, i);
        lower[at + i] = (matrix[at + i]! - sum) / lower[own + i]!;
      }
    }
    for (; column <= row; column++) {
      const b = column * size;
      const sum = matrix[a + column]! - dot(lower, a, lower, b, column);
      if (column < row) lower[a + column] = sum / lower[b + column]!;
      else if (sum > 0) lower[a + row] = Math.sqrt(sum);
      else return null;
    }
  }
  return lower;
}

/** The inverse of a lower triangle [size, size], which is one, too. */
export function invertLower(lower: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const a = row * size;
    // Row by row: inverse[row] = (unit[row] - sum over k < row of lower[row, k] inverse[k]) / lower[row, row].
    let k = 0;
    for (; k + 3 < row; k += 4) {
      const [b, c, d, e] = [k * size, (k + 1) * size, (k + 2) * size, (k + 3) * size];
      const [byB, byC] = [lower[a + k]!, lower[a + k + 1]!];
      const [byD, byE] = [lower[a + k + 2]!, lower[a + k + 3]!];
      for (let column = 0; column <= k + 3; column++) {
        inverse[a + column]! -=
          byB * inverse[b + column]! +
          byC * inverse[c + column]! +
          byD * inverse[d + column]! +
          byE * inverse[e + column]!;
      }
    }
    for (; k < row; k++) {
      const by = lower[a + k]!;
      for (let column = 0; column <= k; column++) {
        inverse[a + column]! -= by * inverse[k * size + column]!;
      }
    }
    inverse[a + row] = 1;
    const diagonal = lower[a + row]!;
    for (let column = 0; column <= row; column++) {
      inverse[a + column] = inverse[a + column]! / diagonal;
    }
  }
  return inverse;
}

/**
 * The upper triangle R with R^T R = A^-1: what it takes to fix the elements of a vector e from the first
 * to the last such that e^T A e stays least. An error r of element i moves each later element j by
 * -r R[i, j] / R[i, i].
 *
 * Source: Frantar et al. 2022, arXiv:2210.17323 (section 3.3).
 *
 * @param matrix A [size, size], symmetric
 * @returns R [size, size], upper, or null where A is not positive definite
 */
export function inverseFactor(matrix: Float64Array, size: number): Float64Array | null {
  // With P the reversal of order, P A P = L L^T gives A^-1 = (P L^-T P) (P L^-1 P), whose second factor is upper.
  const reversed = new Float64Array(matrix.length);
  for (let i = 0; i < matrix.length; i++) reversed[i] = matrix[matrix.length - 1 - i]!;
  const lower = cholesky(reversed, size);
  return lower && invertLower(lower, size).reverse();
}

/** U^T U for an upper triangle U [size, size]: the inverse that inverseFactor gives the factor of. */
export function squareOfUpper(upper: Float64Array, size: number): Float64Array {
  // Rows of U by four; what is missing of the last ones is zero, as is what lies below the diagonal.
  const rows = Math.ceil(size / 4) * 4;
  const u = new Float64Array(rows * size);
  u.set(upper);
  const square = new Float64Array(size * size);
  for (let k = 0; k < size; k += 4) {
    const [b, c, d, e] = [k * size, (k + 1) * size, (k + 2) * size, (k + 3) * size];
    for (let i = k; i < size; i++) {
      const [byB, byC, byD, byE] = [u[b + i]!, u[c + i]!, u[d + i]!, u[e + i]!];
      for (let j = i; j < size; j++) {
        square[i * size + j]! +=
          byB * u[b + j]! + byC * u[c + j]! + byD * u[d + j]! + byE * u[e + j]!;
      }
    }
  }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < i; j++) square[i * size + j] = square[j * size + i]!;
  }
  return square;
}

/** The diagonal of H^-1 = U^T U. */
export function inverseDiagonal(u: Float64Array, n: number): Float64Array {
  const diagonal = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) diagonal[j]! += u[i * n + j]! ** 2;
  }
  return diagonal;
}
