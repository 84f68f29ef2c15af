/** Values that only a run can find wrong. */
#ifndef LINNET_FAULT_H
#define LINNET_FAULT_H

#include <stdint.h>

/** As FAULTS of kernels/fault.ts, which says what value and bound are. */
typedef enum {
  FAULT_NONE,
  FAULT_INDEX,
  FAULT_SEGMENT,
  FAULT_LENGTH,
  FAULT_DIVISION,
  FAULT_EXPONENT,
} fault_kind;

/**
 * Says that a kernel was given a value it cannot work with. The kernel goes on, writing whatever it
 * likes where it may write; the program ends after its step. Of several reports about a step the
 * one with the smallest value counts, so that it does not depend on the number of threads.
 */
void report_fault(fault_kind kind, int64_t value, int64_t bound);

#endif
