/** What kernels report by report_fault; the numbers are those of include/fault.h. */
export const FAULTS = {
  /** `value` is an index that is not in 0 .. bound - 1. */
  index: 1,
  /** `value` is the number of a segment, of which there are `bound`. */
  segment: 2,
  /** `value` is the length of a sequence, which has to be in 0 .. bound. */
  length: 3,
  /** An integer is divided by 0. */
  division: 4,
  /** `value` is the exponent of a power of integers, which has to be 0 or more. */
  exponent: 5,
} as const;

export type FaultKind = keyof typeof FAULTS;
