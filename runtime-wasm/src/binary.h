/**
 * How elementwise kernels of two tensors walk over their operands, with broadcasting.
 *
 * y is row-major of shape dims[0 .. rank-1], rank >= 1; a and b are read through strides in
 * elements, 0 where they are broadcast; the last strides are 0 or 1. y may share a buffer with an
 * operand that is not broadcast.
 */
#ifndef LINNET_BINARY_H
#define LINNET_BINARY_H

#include "kernels.h"
#include "nd.h"
#include "types.h"

/** What the parameter blocks of all functions begin with. */
typedef binary_add_i32_params operands;

/** n elements y[i] = f(a[i * da], b[i * db]); da and db are 0 or 1. */
typedef void run_function(const void *params, const void *a, const void *b, void *y, int32_t da,
                          int32_t db, uint32_t n);

/**
 * Calls f for each run of elements along the last dimension of this thread's share. `size` and
 * `result_size` are the bytes of an operand's and of a result's element.
 */
static void for_each_run(const void *params, uint32_t size, uint32_t result_size, run_function *f,
                         uint32_t thread, uint32_t threads) {
  const operands *p = params;
  const uint32_t outer = p->rank - 1, width = p->dims[outer];
  const int32_t da = p->a_strides[outer], db = p->b_strides[outer];
  const span s = share(product(p->dims, p->rank), 16, thread, threads);
  uint32_t column = s.begin % width;
  cursor c = cursor_at(s.begin / width, p->dims, p->a_strides, p->b_strides, outer);
  for (uint32_t at = s.begin, n; at < s.end; at += n) {
    n = min_u32(width - column, s.end - at);
    const int32_t a = c.first + (int32_t)column * da, b = c.second + (int32_t)column * db;
    f(params, (const char *)p->a + (uint32_t)a * size, (const char *)p->b + (uint32_t)b * size,
      (char *)p->y + at * result_size, da, db, n);
    cursor_next(&c, p->dims, p->a_strides, p->b_strides, outer);
    column = 0;
  }
}

/** Defines kernel NAME by the body of its run function, in terms of p, a, b, y, da, db and n. */
#define KERNEL(NAME, A, Y, ...)                                                                   \
  static void run_##NAME(const void *params, const void *from_a, const void *from_b, void *to,    \
                         int32_t da, int32_t db, uint32_t n) {                                    \
    const NAME##_params *p = params;                                                              \
    const A *a = from_a, *b = from_b;                                                             \
    Y *y = to;                                                                                    \
    (void)p;                                                                                      \
    __VA_ARGS__                                                                                   \
  }                                                                                               \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                          \
    for_each_run(p, sizeof(A), sizeof(Y), run_##NAME, thread, threads);                           \
  }

/** Scalar loops: T the operands' type, R the result's; `a` and `b` the elements. */
#define DEFINE_SCALAR(NAME, T, R, ...)                                                            \
  KERNEL(binary_##NAME##_##T, T, R, {                                                             \
    const T *xs = a, *ys = b;                                                                     \
    for (uint32_t i = 0; i < n; i++) {                                                            \
      const T a = xs[(int32_t)i * da], b = ys[(int32_t)i * db];                                   \
      y[i] = __VA_ARGS__;                                                                         \
    }                                                                                             \
  })

#endif
