/**
 * The upper triangular U with H^-1 = U^T U, for a symmetric positive definite H [n, n], row-major.
 *
 * H = R R^T with R upper triangular, a Cholesky factorization from the last row up, and U = R^-1.
 */
export function inverseFactor(matrix: Float64Array, n: number): Float64Array {
  const r = matrix.slice();
  for (let j = n - 1; j >= 0; j--) {
    const rowJ = j * n;
    let pivot = r[rowJ + j]!;
    for (let k = j + 1; k < n; k++) pivot -= r[rowJ + k]! ** 2;
    const diagonal = Math.sqrt(pivot);
    r[rowJ + j] = diagonal;
    for (let i = 0; i < j; i++) {
      const rowI = i * n;
      let sum = r[rowI + j]!;
      for (let k = j + 1; k < n; k++) sum -= r[rowI + k]! * r[rowJ + k]!;
      r[rowI + j] = sum / diagonal;
    }
  }
  const u = new Float64Array(n * n);
  for (let i = n - 1; i >= 0; i--) {
    const rowI = i * n;
    const scale = 1 / r[rowI + i]!;
    u[rowI + i] = scale;
    for (let k = i + 1; k < n; k++) {
      const by = -scale * r[rowI + k]!;
      const rowK = k * n;
      for (let j = k; j < n; j++) u[rowI + j]! += by * u[rowK + j]!;
    }
  }
  return u;
}

/** The diagonal of H^-1 = U^T U. */
export function inverseDiagonal(u: Float64Array, n: number): Float64Array {
  const diagonal = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) diagonal[j]! += u[i * n + j]! ** 2;
  }
  return diagonal;
}
