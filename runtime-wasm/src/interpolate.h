/** Functions of int16 by tables, as TFLite's LUTLookup. */
#ifndef LINNET_INTERPOLATE_H
#define LINNET_INTERPOLATE_H

#include "linnet.h"

/** table[k], int16[513], is the value at 128 * (k - 256); between entries it is interpolated. */
INLINE int16_t interpolate(const int16_t *table, int16_t x) {
  const int32_t at = 256 + (x >> 7);
  const int32_t slope = (int16_t)(table[at + 1] - table[at]);
  return (int16_t)(table[at] + ((slope * (x & 0x7f) + 64) >> 7));
}

#endif
