/**
 * Kernels that read or write where a tensor of indices says. Indices are int32, or int64 where
 * `wide`. An index outside its dimension is a fault.
 */
#include "indices.h"
#include "kernels.h"
#include "nd.h"

/** Copies a slice, or zeros where `from` is null. */
INLINE void copy_slice(char *to, const char *from, uint32_t bytes) {
  if (from == 0) __builtin_memset(to, 0, bytes);
  else if (bytes == 4) *(uint32_t *)to = *(const uint32_t *)from;
  else if (bytes == 1) *to = *from;
  else __builtin_memcpy(to, from, bytes);
}

/**
 * y[b, o, k, :] = x[b, o, indices[b, k], :]: x is [batch, outer, length, slice], indices
 * [batch, count], y [batch, outer, count, slice] with slices of slice_bytes bytes.
 * Source: TFLite's GATHER and EMBEDDING_LOOKUP.
 */
void gather(const gather_params *p, uint32_t thread, uint32_t threads) {
  const span s = share(p->batch * p->outer * p->count, 1, thread, threads);
  for (uint32_t at = s.begin; at < s.end; at++) {
    const uint32_t block = at / p->count, batch = block / p->outer;
    const int64_t index = index_at(p->indices, batch * p->count + at % p->count, p->wide);
    const char *from = 0;
    if (index < 0 || index >= p->length) {
      report_fault(FAULT_INDEX, index, p->length);
    } else {
      from = (const char *)p->x + (block * p->length + (uint32_t)index) * p->slice_bytes;
    }
    copy_slice((char *)p->y + at * p->slice_bytes, from, p->slice_bytes);
  }
}

/**
 * y[row, :] = x[indices[row, 0], ..., indices[row, depth-1], :]; x is [dims[0 .. depth-1], slice].
 * Source: TFLite's GATHER_ND.
 */
void gather_nd(const gather_nd_params *p, uint32_t thread, uint32_t threads) {
  const span s = share(p->rows, 1, thread, threads);
  for (uint32_t row = s.begin; row < s.end; row++) {
    const uint32_t from = row_of(p->indices, row, p->depth, p->dims, p->wide);
    const char *x = from == OUTSIDE ? 0 : (const char *)p->x + from * p->slice_bytes;
    copy_slice((char *)p->y + row * p->slice_bytes, x, p->slice_bytes);
  }
}

/** The segment that row belongs to, of `count`; OUTSIDE for a negative one, which leaves it out. */
INLINE uint32_t segment_of(const void *ids, uint32_t row, uint32_t count, uint32_t wide) {
  const int64_t segment = index_at(ids, row, wide);
  if (segment < 0) return OUTSIDE;
  if (segment < count) return (uint32_t)segment;
  report_fault(FAULT_SEGMENT, segment, count);
  return OUTSIDE;
}

/**
 * y[indices[row, :], i] = JOIN(y[indices[row, :], i], updates[row, i]) for each row in order; y is
 * [dims[0 .. depth-1], inner] and holds its first values. With `segments` (and a depth of 1) rows
 * whose index is negative are left out. Each thread owns a range of y, so that rows which meet are
 * joined in order. Source: TFLite's SCATTER_ND and SEGMENT_SUM families.
 */
#define DEFINE_SCATTER(NAME, T, A, JOIN)                                                          \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                          \
    const span own = share(product(p->dims, p->depth), 1, thread, threads);                       \
    for (uint32_t row = 0; row < p->rows; row++) {                                                \
      const uint32_t to = p->segments                                                             \
                              ? segment_of(p->indices, row, p->dims[0], p->wide)                  \
                              : row_of(p->indices, row, p->depth, p->dims, p->wide);              \
      if (to < own.begin || to >= own.end) continue;                                              \
      T *y = (T *)p->y + to * p->inner;                                                           \
      const T *x = (const T *)p->updates + row * p->inner;                                        \
      for (uint32_t i = 0; i < p->inner; i++) {                                                   \
        const A a = (A)y[i], b = (A)x[i];                                                         \
        y[i] = (T)(JOIN);                                                                         \
      }                                                                                           \
    }                                                                                             \
  }
#define SCATTER(X, SUFFIX, T, A)                                                                  \
  X(scatter_add_##SUFFIX, T, A, a + b)                                                            \
  X(scatter_mul_##SUFFIX, T, A, a * b)                                                            \
  X(scatter_max_##SUFFIX, T, T, a > b ? a : b)                                                    \
  X(scatter_min_##SUFFIX, T, T, a < b ? a : b)
SCATTER(DEFINE_SCATTER, f32, float, float)
SCATTER(DEFINE_SCATTER, i32, int32_t, uint32_t)
SCATTER(DEFINE_SCATTER, i64, int64_t, uint64_t)

/**
 * y[indices[row, :]] = values[row * step] for each row in order; elements of `size` bytes; step is
 * 1, or 0 for a single value. Source: TFLite's SPARSE_TO_DENSE.
 */
void scatter_set(const scatter_set_params *p, uint32_t thread, uint32_t threads) {
  const span own = share(product(p->dims, p->depth), 64, thread, threads);
  for (uint32_t row = 0; row < p->rows; row++) {
    const uint32_t to = row_of(p->indices, row, p->depth, p->dims, p->wide);
    if (to < own.begin || to >= own.end) continue;
    const char *from = (const char *)p->values + row * p->step * p->size;
    copy_slice((char *)p->y + to * p->size, from, p->size);
  }
}

/**
 * The k largest elements of each row of x [rows, length], largest first and of equals the first
 * first: values [rows, k] and their positions, indices int32 [rows, k]; 1 <= k <= length. The
 * positions are kept as a heap with the worst of them on top. Source: TFLite's TOPK_V2.
 */
#define DEFINE_TOP_K(NAME, T)                                                                     \
  INLINE int NAME##_precedes(const T *x, int32_t a, int32_t b) {                                  \
    return x[a] > x[b] || (x[a] == x[b] && a < b);                                                \
  }                                                                                               \
  static void NAME##_sift(const T *x, int32_t *heap, uint32_t n, uint32_t at) {                   \
    const int32_t moving = heap[at];                                                              \
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {                                  \
      if (child + 1 < n && NAME##_precedes(x, heap[child], heap[child + 1])) child++;             \
      if (!NAME##_precedes(x, moving, heap[child])) break;                                        \
      heap[at] = heap[child];                                                                     \
    }                                                                                             \
    heap[at] = moving;                                                                            \
  }                                                                                               \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                          \
    const span s = share(p->rows, 1, thread, threads);                                            \
    for (uint32_t row = s.begin; row < s.end; row++) {                                            \
      const T *x = (const T *)p->x + row * p->length;                                             \
      int32_t *heap = (int32_t *)p->indices + row * p->k;                                         \
      for (uint32_t i = 0; i < p->k; i++) heap[i] = (int32_t)i;                                   \
      for (uint32_t i = p->k / 2; i-- > 0;) NAME##_sift(x, heap, p->k, i);                        \
      for (uint32_t i = p->k; i < p->length; i++) {                                               \
        if (!NAME##_precedes(x, (int32_t)i, heap[0])) continue;                                   \
        heap[0] = (int32_t)i;                                                                     \
        NAME##_sift(x, heap, p->k, 0);                                                            \
      }                                                                                           \
      for (uint32_t n = p->k - 1; n > 0; n--) {                                                   \
        const int32_t worst = heap[0];                                                            \
        heap[0] = heap[n];                                                                        \
        heap[n] = worst;                                                                          \
        NAME##_sift(x, heap, n, 0);                                                               \
      }                                                                                           \
      for (uint32_t i = 0; i < p->k; i++) ((T *)p->values)[row * p->k + i] = x[heap[i]];          \
    }                                                                                             \
  }
DEFINE_TOP_K(top_k_f32, float)
DEFINE_TOP_K(top_k_i32, int32_t)
DEFINE_TOP_K(top_k_i64, int64_t)
