/** Walking over tensors of several dimensions, each operand with strides of its own. */
#ifndef LINNET_ND_H
#define LINNET_ND_H

#include "linnet.h"

/** The largest rank of a parameter block, after the planner has merged dimensions. */
#define MAX_RANK 8

INLINE uint32_t product(const uint32_t *dims, uint32_t rank) {
  uint32_t count = 1;
  for (uint32_t i = 0; i < rank; i++) count *= dims[i];
  return count;
}

/** A place in an index space, and where it lies in two tensors, in units of their strides. */
typedef struct {
  uint32_t index[MAX_RANK];
  int32_t first, second;
} cursor;

/** The place of row-major number `number` among the indices of `dims`, none of which is 0. */
INLINE cursor cursor_at(uint32_t number, const uint32_t *dims, const int32_t *first,
                        const int32_t *second, uint32_t rank) {
  cursor c = {.first = 0, .second = 0};
  for (uint32_t i = rank; i-- > 0;) {
    c.index[i] = number % dims[i];
    number /= dims[i];
    c.first += (int32_t)c.index[i] * first[i];
    c.second += (int32_t)c.index[i] * second[i];
  }
  return c;
}

/** The next place in row-major order; from the last one on to the first. */
INLINE void cursor_next(cursor *c, const uint32_t *dims, const int32_t *first,
                        const int32_t *second, uint32_t rank) {
  for (uint32_t i = rank; i-- > 0;) {
    c->first += first[i];
    c->second += second[i];
    if (++c->index[i] < dims[i]) return;
    c->first -= (int32_t)dims[i] * first[i];
    c->second -= (int32_t)dims[i] * second[i];
    c->index[i] = 0;
  }
}

#endif
