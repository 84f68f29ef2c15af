/** What the kernels with sparse weights share: SPARSE of kernels/sparse.ts. */
#ifndef LINNET_SPARSE_H
#define LINNET_SPARSE_H

#include "simd.h"

/** The transpose of four vectors of four lanes, in place. */
INLINE void transpose_4x4(v128_t x[4]) {
  v128_t a = wasm_i32x4_shuffle(x[0], x[1], 0, 4, 1, 5);
  v128_t b = wasm_i32x4_shuffle(x[0], x[1], 2, 6, 3, 7);
  v128_t c = wasm_i32x4_shuffle(x[2], x[3], 0, 4, 1, 5);
  v128_t d = wasm_i32x4_shuffle(x[2], x[3], 2, 6, 3, 7);
  x[0] = wasm_i64x2_shuffle(a, c, 0, 2);
  x[1] = wasm_i64x2_shuffle(a, c, 1, 3);
  x[2] = wasm_i64x2_shuffle(b, d, 0, 2);
  x[3] = wasm_i64x2_shuffle(b, d, 1, 3);
}

#endif
