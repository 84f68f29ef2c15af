/** Indices that come from tensors: never trusted. */
#ifndef LINNET_INDICES_H
#define LINNET_INDICES_H

#include "fault.h"
#include "linnet.h"

/** Element `at` of int64 (`wide`) or int32 indices. */
INLINE int64_t index_at(const void *indices, uint32_t at, uint32_t wide) {
  return wide ? ((const int64_t *)indices)[at] : ((const int32_t *)indices)[at];
}

/** What row_of gives for an index outside. */
#define OUTSIDE UINT32_MAX

/**
 * The row-major number of the place that indices[row, 0 .. depth-1] names in dims[0 .. depth-1];
 * OUTSIDE, and a report, where one of them is not inside its dimension.
 */
INLINE uint32_t row_of(const void *indices, uint32_t row, uint32_t depth, const uint32_t *dims,
                       uint32_t wide) {
  uint32_t number = 0;
  for (uint32_t i = 0; i < depth; i++) {
    const int64_t index = index_at(indices, row * depth + i, wide);
    if (index < 0 || index >= dims[i]) {
      report_fault(FAULT_INDEX, index, dims[i]);
      return OUTSIDE;
    }
    number = number * dims[i] + (uint32_t)index;
  }
  return number;
}

#endif
