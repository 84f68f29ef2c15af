/** The sliding window of WINDOW in kernels/window.ts. */
#ifndef LINNET_WINDOW_H
#define LINNET_WINDOW_H

#include "linnet.h"

/** One dimension of a window at one place, cut to the image. */
typedef struct {
  /** The taps that fall inside. */
  span taps;
  /** Where tap 0 falls; less than 0 or too large where it is outside. */
  int32_t origin;
} window_cut;

INLINE window_cut cut_window(uint32_t at, uint32_t stride, uint32_t pad, uint32_t window,
                             uint32_t dilation, uint32_t size) {
  int32_t origin = (int32_t)(at * stride) - (int32_t)pad;
  uint32_t begin = origin < 0 ? divide_up((uint32_t)-origin, dilation) : 0;
  int32_t reach = (int32_t)size - origin;
  uint32_t end = reach > 0 ? min_u32(divide_up((uint32_t)reach, dilation), window) : 0;
  return (window_cut){{min_u32(begin, end), end}, origin};
}

#define CUT_ROWS(p, y) \
  cut_window(y, (p)->stride_h, (p)->pad_top, (p)->window_h, (p)->dilation_h, (p)->in_h)
#define CUT_COLUMNS(p, x) \
  cut_window(x, (p)->stride_w, (p)->pad_left, (p)->window_w, (p)->dilation_w, (p)->in_w)

#endif
