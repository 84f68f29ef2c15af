/** What every kernel needs: fixed-width types, small helpers, and how work is shared. */
#ifndef LINNET_H
#define LINNET_H

#include <stddef.h>
#include <stdint.h>

/** For functions that must stay one machine function, such as microkernels. */
#define NOINLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))

/** The indices begin .. end - 1. */
typedef struct {
  uint32_t begin;
  uint32_t end;
} span;

INLINE uint32_t min_u32(uint32_t a, uint32_t b) { return a < b ? a : b; }
INLINE uint32_t max_u32(uint32_t a, uint32_t b) { return a > b ? a : b; }
INLINE int32_t min_i32(int32_t a, int32_t b) { return a < b ? a : b; }
INLINE int32_t max_i32(int32_t a, int32_t b) { return a > b ? a : b; }

/** a / b rounded up; a + b must not overflow. */
INLINE uint32_t divide_up(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

/**
 * p + count, which compilers cannot see through. They keep a pointer to each place that an unrolled
 * loop visits, otherwise, and run out of registers.
 */
INLINE const float *advance(const float *p, uint32_t count) {
  p += count;
  __asm__("" : "+r"(p));
  return p;
}

/**
 * The part of `count` items that thread `thread` of `threads` takes: contiguous, even, and cut only
 * at multiples of `grain`. Kernels whose vector body and scalar tail may round differently pass
 * their vector's width, so that results do not depend on the number of threads.
 */
INLINE span share(uint32_t count, uint32_t grain, uint32_t thread, uint32_t threads) {
  uint64_t grains = ((uint64_t)count + grain - 1) / grain;
  uint64_t begin = grains * thread / threads * grain;
  uint64_t end = grains * (thread + 1) / threads * grain;
  return (span){begin < count ? (uint32_t)begin : count, end < count ? (uint32_t)end : count};
}

/** The part of a grid of work that a thread takes. */
typedef struct {
  span rows;
  span columns;
} grid_share;

/**
 * Cuts the rows of a grid, or its columns where these load the threads more evenly by enough to make up
 * for what that costs: every thread prepares all rows, and they write to the same cache lines.
 */
INLINE grid_share share_grid(uint32_t rows, uint32_t columns, uint32_t thread, uint32_t threads) {
  uint64_t by_rows = (uint64_t)divide_up(rows, threads) * columns;
  uint64_t by_columns = (uint64_t)divide_up(columns, threads) * rows;
  return by_rows <= by_columns + by_columns / 16
             ? (grid_share){share(rows, 1, thread, threads), {0, columns}}
             : (grid_share){{0, rows}, share(columns, 1, thread, threads)};
}

#endif
