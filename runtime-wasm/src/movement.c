/**
 * Kernels that move elements without looking at them, for elements of 1, 2, 4 or 8 bytes (`size`).
 *
 * Buffers are aligned to their elements. Positions and strides count elements.
 */
#include "indices.h"
#include "kernels.h"
#include "nd.h"

/** Defines NAME_SIZE(const NAME_params *p, thread, threads) for each size, and NAME itself. */
#define FOR_EACH_SIZE(DEFINE, NAME)                                                               \
  DEFINE(NAME##_1, uint8_t)                                                                       \
  DEFINE(NAME##_2, uint16_t)                                                                      \
  DEFINE(NAME##_4, uint32_t)                                                                      \
  DEFINE(NAME##_8, uint64_t)                                                                      \
  void NAME(const NAME##_params *p, uint32_t thread, uint32_t threads) {                          \
    switch (p->size) {                                                                            \
      case 1: NAME##_1(p, thread, threads); break;                                                \
      case 2: NAME##_2(p, thread, threads); break;                                                \
      case 4: NAME##_4(p, thread, threads); break;                                                \
      default: NAME##_8(p, thread, threads);                                                      \
    }                                                                                             \
  }

/** Side of the squares in which two dimensions are exchanged, so that both sides stay in cache. */
#define TILE 16

/** Runs of up to this many elements are cheaper to copy in a loop than by a call. */
#define SHORT_RUN 16

/**
 * y[index * y_strides] = x[index * x_strides] for each index of dims[0 .. rank-1], rank >= 1.
 * Strides may be 0 (x is repeated) or negative; x and y point to the elements of index 0. The
 * planner orders the dimensions: y's contiguous one last, and before it x's, if that is another.
 */
#define DEFINE_COPY(NAME, T)                                                                      \
  static void NAME##_exchange(const strided_copy_params *p, uint32_t thread, uint32_t threads) {  \
    const uint32_t outer = p->rank - 2, rows = p->dims[outer], columns = p->dims[outer + 1];      \
    const int32_t dx = p->x_strides[outer + 1], dy = p->y_strides[outer];                         \
    const uint32_t bands = divide_up(rows, TILE);                                                 \
    const span s = share(product(p->dims, outer) * bands, 1, thread, threads);                    \
    for (uint32_t at = s.begin; at < s.end; at++) {                                               \
      const cursor c = cursor_at(at / bands, p->dims, p->x_strides, p->y_strides, outer);         \
      const uint32_t row = at % bands * TILE, end = min_u32(row + TILE, rows);                    \
      const T *x = (const T *)p->x + c.first;                                                     \
      T *y = (T *)p->y + c.second;                                                                \
      for (uint32_t first = 0; first < columns; first += TILE) {                                  \
        const uint32_t last = min_u32(first + TILE, columns);                                     \
        for (uint32_t i = row; i < end; i++) {                                                    \
          for (uint32_t j = first; j < last; j++) {                                               \
            y[(int32_t)i * dy + (int32_t)j] = x[(int32_t)i + (int32_t)j * dx];                    \
          }                                                                                       \
        }                                                                                         \
      }                                                                                           \
    }                                                                                             \
  }                                                                                               \
  static void NAME##_runs(const strided_copy_params *p, uint32_t thread, uint32_t threads) {      \
    const uint32_t outer = p->rank - 1, width = p->dims[outer];                                   \
    const int32_t dx = p->x_strides[outer], dy = p->y_strides[outer];                             \
    const span s = share(product(p->dims, p->rank), 64, thread, threads);                         \
    uint32_t column = s.begin % width;                                                            \
    cursor c = cursor_at(s.begin / width, p->dims, p->x_strides, p->y_strides, outer);            \
    for (uint32_t at = s.begin, n; at < s.end; at += n, column = 0) {                             \
      n = min_u32(width - column, s.end - at);                                                    \
      const T *x = (const T *)p->x + c.first + (int32_t)column * dx;                              \
      T *y = (T *)p->y + c.second + (int32_t)column * dy;                                         \
      if (dx == 1 && dy == 1 && n > SHORT_RUN) {                                                  \
        __builtin_memcpy(y, x, n * sizeof(T));                                                    \
      } else {                                                                                    \
        for (uint32_t i = 0; i < n; i++) y[(int32_t)i * dy] = x[(int32_t)i * dx];                 \
      }                                                                                           \
      cursor_next(&c, p->dims, p->x_strides, p->y_strides, outer);                                \
    }                                                                                             \
  }                                                                                               \
  static void NAME(const strided_copy_params *p, uint32_t thread, uint32_t threads) {             \
    const uint32_t last = p->rank - 1;                                                            \
    const int exchanges = last > 0 && p->x_strides[last - 1] == 1 && p->y_strides[last] == 1 &&   \
                          p->x_strides[last] != 1;                                                \
    if (exchanges) NAME##_exchange(p, thread, threads);                                           \
    else NAME##_runs(p, thread, threads);                                                         \
  }
FOR_EACH_SIZE(DEFINE_COPY, strided_copy)

/** y[i] = value[0] for i < count. */
#define DEFINE_FILL(NAME, T)                                                                      \
  static void NAME(const fill_params *p, uint32_t thread, uint32_t threads) {                     \
    const span s = share(p->count, 64, thread, threads);                                          \
    const T value = *(const T *)p->value;                                                         \
    T *y = p->y;                                                                                  \
    for (uint32_t i = s.begin; i < s.end; i++) y[i] = value;                                      \
  }
FOR_EACH_SIZE(DEFINE_FILL, fill)

/**
 * y[i] = condition[...] ? a[...] : b[...] with broadcasting as in binary.c; condition is bool, y is
 * row-major of shape dims. Source: TFLite's SELECT_V2.
 */
#define DEFINE_SELECT(NAME, T)                                                                    \
  static void NAME(const select_params *p, uint32_t thread, uint32_t threads) {                   \
    static const int32_t none[MAX_RANK];                                                          \
    const uint32_t outer = p->rank - 1, width = p->dims[outer];                                   \
    const int32_t dc = p->condition_strides[outer];                                               \
    const int32_t da = p->a_strides[outer], db = p->b_strides[outer];                             \
    const span s = share(product(p->dims, p->rank), 64, thread, threads);                         \
    for (uint32_t at = s.begin, n; at < s.end; at += n) {                                         \
      const uint32_t row = at / width, column = at % width;                                       \
      n = min_u32(width - column, s.end - at);                                                    \
      const cursor ab = cursor_at(row, p->dims, p->a_strides, p->b_strides, outer);               \
      const cursor cc = cursor_at(row, p->dims, p->condition_strides, none, outer);               \
      const uint8_t *condition = (const uint8_t *)p->condition + cc.first + (int32_t)column * dc; \
      const T *a = (const T *)p->a + ab.first + (int32_t)column * da;                             \
      const T *b = (const T *)p->b + ab.second + (int32_t)column * db;                            \
      T *y = (T *)p->y + at;                                                                      \
      for (uint32_t i = 0; i < n; i++) {                                                          \
        const T when_true = a[(int32_t)i * da], when_false = b[(int32_t)i * db];                  \
        y[i] = condition[(int32_t)i * dc] ? when_true : when_false;                               \
      }                                                                                           \
    }                                                                                             \
  }
FOR_EACH_SIZE(DEFINE_SELECT, select)

/**
 * REVERSE_SEQUENCE. x and y are [outer, first, middle, second, inner]; of the two middle axes one
 * counts sequences (`first` where batch_first) and the other runs along them. The first
 * lengths[sequence] elements are reversed, the rest stays; a length past the axis is a fault.
 */
#define DEFINE_REVERSE(NAME, T)                                                                   \
  static void NAME(const reverse_sequence_params *p, uint32_t thread, uint32_t threads) {         \
    const uint32_t steps = p->batch_first ? p->second : p->first;                                 \
    const uint32_t step_size = p->batch_first ? p->inner : p->middle * p->second * p->inner;      \
    const span s = share(p->outer * p->first * p->middle * p->second, 1, thread, threads);        \
    for (uint32_t at = s.begin; at < s.end; at++) {                                               \
      const uint32_t second = at % p->second, first = at / p->second / p->middle % p->first;      \
      const uint32_t sequence = p->batch_first ? first : second;                                  \
      const uint32_t step = p->batch_first ? second : first;                                      \
      const int64_t given = index_at(p->lengths, sequence, p->wide);                              \
      const int fits = given >= 0 && given <= steps;                                              \
      if (!fits) report_fault(FAULT_LENGTH, given, steps);                                        \
      const uint32_t length = fits ? (uint32_t)given : 0;                                         \
      const uint32_t from = step < length ? length - 1 - step : step;                             \
      const T *x = (const T *)p->x + at * p->inner - step * step_size + from * step_size;         \
      T *y = (T *)p->y + at * p->inner;                                                           \
      for (uint32_t i = 0; i < p->inner; i++) y[i] = x[i];                                        \
    }                                                                                             \
  }
FOR_EACH_SIZE(DEFINE_REVERSE, reverse_sequence)

/**
 * Puts `update`, of shape update_dims, into y, of shape dims, at `start`, moved so far that it
 * fits. start is int32[rank], or int64[rank] where `wide`. Source: TFLite's DYNAMIC_UPDATE_SLICE.
 */
#define DEFINE_UPDATE(NAME, T)                                                                    \
  static void NAME(const update_slice_params *p, uint32_t thread, uint32_t threads) {             \
    static const int32_t none[MAX_RANK];                                                          \
    int32_t strides[MAX_RANK], offset = 0, stride = 1;                                            \
    for (uint32_t i = p->rank; i-- > 0;) {                                                        \
      const int64_t room = p->dims[i] - p->update_dims[i], start = index_at(p->start, i, p->wide); \
      strides[i] = stride;                                                                        \
      offset += stride * (int32_t)(start < 0 ? 0 : start > room ? room : start);                  \
      stride *= (int32_t)p->dims[i];                                                              \
    }                                                                                             \
    const uint32_t outer = p->rank - 1, width = p->update_dims[outer];                            \
    const span s = share(product(p->update_dims, outer), 1, thread, threads);                     \
    for (uint32_t row = s.begin; row < s.end; row++) {                                            \
      T *y = (T *)p->y + offset + cursor_at(row, p->update_dims, strides, none, outer).first;     \
      const T *x = (const T *)p->update + row * width;                                            \
      for (uint32_t i = 0; i < width; i++) y[i] = x[i];                                           \
    }                                                                                             \
  }
FOR_EACH_SIZE(DEFINE_UPDATE, update_slice)

/** y[o, d, i] = indices[o, i] == d ? on : off for d < depth. Source: TFLite's ONE_HOT. */
#define DEFINE_ONE_HOT(NAME, T)                                                                   \
  static void NAME(const one_hot_params *p, uint32_t thread, uint32_t threads) {                  \
    const span s = share(p->outer * p->depth * p->inner, 64, thread, threads);                    \
    const T on = *(const T *)p->on, off = *(const T *)p->off;                                     \
    for (uint32_t at = s.begin; at < s.end; at++) {                                               \
      const uint32_t row = at / p->inner, index = row / p->depth * p->inner + at % p->inner;      \
      ((T *)p->y)[at] = index_at(p->indices, index, p->wide) == row % p->depth ? on : off;        \
    }                                                                                             \
  }
FOR_EACH_SIZE(DEFINE_ONE_HOT, one_hot)
