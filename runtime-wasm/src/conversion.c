/** Conversions between element types, elementwise: count elements from x to y. */
#include "half.h"
#include "kernels.h"
#include "nd.h"
#include "simd.h"

/** Elements that go through a stage between loading and storing at a time. */
#define BLOCK 128

/** Codes of the schema's TensorType. */
enum { FLOAT32 = 0, FLOAT16 = 1, INT32 = 2, UINT8 = 3, INT64 = 4, BOOL = 6, INT16 = 7, INT8 = 9,
       FLOAT64 = 10, UINT64 = 12, UINT32 = 15, UINT16 = 16, BFLOAT16 = 18 };

/** Integers wait as int64, reals as float64: both hold every value of their kind exactly. */
typedef union {
  int64_t integers[BLOCK];
  double reals[BLOCK];
} stage;

#define LOAD(T, FIELD, ...)                                                                       \
  for (uint32_t i = 0; i < n; i++) {                                                              \
    const T v = ((const T *)x)[first + i];                                                        \
    s->FIELD[i] = __VA_ARGS__;                                                                    \
  }                                                                                               \
  break;

/** Fills the stage; returns whether the elements are reals. */
static int load_stage(stage *s, const void *x, uint32_t type, uint32_t first, uint32_t n) {
  switch (type) {
    case FLOAT32: LOAD(float, reals, v)
    case FLOAT16: LOAD(uint16_t, reals, half_to_float(v))
    case BFLOAT16: LOAD(uint16_t, reals, bfloat_to_float(v))
    case FLOAT64: LOAD(double, reals, v)
    case BOOL: LOAD(uint8_t, integers, v != 0)
    case UINT8: LOAD(uint8_t, integers, v)
    case INT8: LOAD(int8_t, integers, v)
    case UINT16: LOAD(uint16_t, integers, v)
    case INT16: LOAD(int16_t, integers, v)
    case UINT32: LOAD(uint32_t, integers, v)
    case INT32: LOAD(int32_t, integers, v)
    default: LOAD(int64_t, integers, v)
  }
  return type == FLOAT32 || type == FLOAT16 || type == BFLOAT16 || type == FLOAT64;
}

#define STORE(T, ...)                                                                             \
  for (uint32_t i = 0; i < n; i++) {                                                              \
    const double real = s->reals[i];                                                              \
    const int64_t integer = s->integers[i];                                                       \
    (void)real, (void)integer;                                                                    \
    ((T *)y)[first + i] = __VA_ARGS__;                                                            \
  }                                                                                               \
  break;

/** A real, cut off towards zero and saturated; NaN gives 0. */
INLINE int64_t truncate(double v, double low, double high) {
  return v >= low && v <= high ? (int64_t)v : v != v ? 0 : (int64_t)(v < low ? low : high);
}

static void store_reals(const stage *s, void *y, uint32_t type, uint32_t first, uint32_t n) {
  switch (type) {
    case FLOAT32: STORE(float, (float)real)
    case FLOAT16: STORE(uint16_t, half_of(real))
    case BFLOAT16: STORE(uint16_t, bfloat_of((float)real))
    case FLOAT64: STORE(double, real)
    case BOOL: STORE(uint8_t, real != 0)
    case UINT8: STORE(uint8_t, (uint8_t)truncate(real, 0, UINT8_MAX))
    case INT8: STORE(int8_t, (int8_t)truncate(real, INT8_MIN, INT8_MAX))
    case UINT16: STORE(uint16_t, (uint16_t)truncate(real, 0, UINT16_MAX))
    case INT16: STORE(int16_t, (int16_t)truncate(real, INT16_MIN, INT16_MAX))
    case UINT32: STORE(uint32_t, (uint32_t)truncate(real, 0, UINT32_MAX))
    case INT32: STORE(int32_t, (int32_t)truncate(real, INT32_MIN, INT32_MAX))
    case UINT64: STORE(uint64_t, __builtin_wasm_trunc_saturate_u_i64_f64(real))
    default: STORE(int64_t, __builtin_wasm_trunc_saturate_s_i64_f64(real))
  }
}

/** Integers are cut off to the low bits, as C and TFLite do; reals are rounded once. */
static void store_integers(const stage *s, void *y, uint32_t type, int is_unsigned, uint32_t first,
                           uint32_t n) {
  switch (type) {
    case FLOAT32: STORE(float, is_unsigned ? (float)(uint64_t)integer : (float)integer)
    case FLOAT16: STORE(uint16_t, half_of((double)integer))
    case BFLOAT16: STORE(uint16_t, bfloat_of((float)integer))
    case FLOAT64: STORE(double, is_unsigned ? (double)(uint64_t)integer : (double)integer)
    case BOOL: STORE(uint8_t, integer != 0)
    case UINT8: case INT8: STORE(uint8_t, (uint8_t)integer)
    case UINT16: case INT16: STORE(uint16_t, (uint16_t)integer)
    case UINT32: case INT32: STORE(uint32_t, (uint32_t)integer)
    default: STORE(int64_t, integer)
  }
}

/**
 * CAST between any two of the types above. Real to integer truncates and saturates (NaN gives 0),
 * integer to integer keeps the low bits, to bool is != 0. Source: TFLite's CAST, made total.
 */
void cast(const cast_params *p, uint32_t thread, uint32_t threads) {
  const span part = share(p->count, BLOCK, thread, threads);
  stage s;
  for (uint32_t first = part.begin; first < part.end; first += BLOCK) {
    const uint32_t n = min_u32(BLOCK, part.end - first);
    if (load_stage(&s, p->x, p->from, first, n)) store_reals(&s, p->y, p->to, first, n);
    else store_integers(&s, p->y, p->to, p->from == UINT64, first, n);
  }
}

/** The casts that models use much, in loops that compile to vectors. Exact, or rounded once. */
#define DEFINE_CAST(NAME, T, R, ...)                                                              \
  void cast_##NAME(const cast_##NAME##_params *p, uint32_t thread, uint32_t threads) {            \
    const span part = share(p->count, 16, thread, threads);                                       \
    const T *x = p->x;                                                                            \
    R *y = p->y;                                                                                  \
    for (uint32_t i = part.begin; i < part.end; i++) {                                            \
      const T v = x[i];                                                                           \
      y[i] = __VA_ARGS__;                                                                         \
    }                                                                                             \
  }
DEFINE_CAST(f16_f32, uint16_t, float, half_to_float(v))
DEFINE_CAST(i32_f32, int32_t, float, (float)v)
DEFINE_CAST(f32_i32, float, int32_t, __builtin_wasm_trunc_saturate_s_i32_f32(v))
DEFINE_CAST(i32_i64, int32_t, int64_t, v)
DEFINE_CAST(i64_i32, int64_t, int32_t, (int32_t)v)

/** Elements [first, last) of one channel; element i has channel (i / inner) % channels. */
typedef struct {
  uint32_t channel, first, last;
} run;

/** The run that begins at `first`, up to `end`. */
INLINE run run_at(uint32_t first, uint32_t end, uint32_t channels, uint32_t inner) {
  return (run){first / inner % channels, first, min_u32(first - first % inner + inner, end)};
}

INLINE void next_run(run *r, uint32_t end, uint32_t channels, uint32_t inner) {
  r->channel = r->channel + 1 < channels ? r->channel + 1 : 0;
  r->first = r->last;
  r->last = min_u32(r->last + inner, end);
}

#define FOR_EACH_RUN(r)                                                                           \
  const span part = share(p->count, 16, thread, threads);                                         \
  for (run r = run_at(part.begin, part.end, p->channels, p->inner); r.first < part.end;           \
       next_run(&r, part.end, p->channels, p->inner))

/**
 * y = (x - zero[c]) * scale[c] in float32, the difference in WIDE. scale is float32[channels],
 * zero int32[channels]; one channel and inner = count for a tensor quantized as a whole.
 */
#define DEFINE_DEQUANTIZE(NAME, T, WIDE)                                                          \
  void dequantize_##NAME(const dequantize_##NAME##_params *p, uint32_t thread, uint32_t threads) {\
    const T *x = p->x;                                                                            \
    float *y = p->y;                                                                              \
    FOR_EACH_RUN(r) {                                                                             \
      const float scale = ((const float *)p->scale)[r.channel];                                   \
      const WIDE zero = ((const int32_t *)p->zero)[r.channel];                                    \
      for (uint32_t i = r.first; i < r.last; i++) y[i] = (float)(x[i] - zero) * scale;            \
    }                                                                                             \
  }

/** How float32 become integers; the limits are less the zero point, which `addend` brings back. */
typedef struct {
  f32x4 reciprocal, low, high;
  i32x4 addend;
} integer_scale;

INLINE v128_t quantize_four(const float *x, const integer_scale *to) {
  const f32x4 quotient = load_f32x4(x) * to->reciprocal;
  /* What NaN is compared with wins. */
  const v128_t least = wasm_f32x4_pmax((v128_t)to->low, (v128_t)quotient);
  const f32x4 bounded = (f32x4)wasm_f32x4_pmin((v128_t)to->high, least);
  return (v128_t)((i32x4)(bounded + ROUNDING_ADDEND) + to->addend);
}

INLINE void quantize_sixteen(const float *x, const integer_scale *to, uint32_t is_unsigned, void *y) {
  const v128_t low = wasm_i16x8_narrow_i32x4(quantize_four(x, to), quantize_four(x + 4, to));
  const v128_t high = wasm_i16x8_narrow_i32x4(quantize_four(x + 8, to), quantize_four(x + 12, to));
  wasm_v128_store(y, is_unsigned ? wasm_u8x16_narrow_i16x8(low, high)
                                 : wasm_i8x16_narrow_i16x8(low, high));
}

/** The elements [first, last) of a run. */
INLINE void quantize_run(const float *x, uint8_t *y, const integer_scale *to, uint32_t first,
                         uint32_t last, uint32_t is_unsigned) {
  uint32_t i = first;
  for (; i + 16 <= last; i += 16) quantize_sixteen(x + i, to, is_unsigned, y + i);
  if (i == last) return;
  float rest[16] = {0};
  uint8_t bytes[16];
  for (uint32_t k = 0; k < last - i; k++) rest[k] = x[i + k];
  quantize_sixteen(rest, to, is_unsigned, bytes);
  for (uint32_t k = 0; k < last - i; k++) y[i + k] = bytes[k];
}

/** How kernels quantize the run `r`. */
#define INTEGER_SCALE(p, r)                                                                       \
  ((integer_scale){                                                                               \
      .reciprocal = splat_f32x4(1.0f / ((const float *)(p)->scale)[(r).channel]),                 \
      .low = splat_f32x4((float)((p)->low - ((const int32_t *)(p)->zero)[(r).channel])),          \
      .high = splat_f32x4((float)((p)->high - ((const int32_t *)(p)->zero)[(r).channel])),        \
      .addend = splat_i32x4(((const int32_t *)(p)->zero)[(r).channel] - ROUNDING_BITS),           \
  })

/**
 * y = round(x / scale[c]) + zero[c], saturated to [low, high]; NaN gives low. As XNNPACK does: x
 * times the scale's reciprocal, half to even.
 */
#define DEFINE_QUANTIZE_8(NAME, IS_UNSIGNED)                                                      \
  void quantize_##NAME(const quantize_##NAME##_params *p, uint32_t thread, uint32_t threads) {    \
    FOR_EACH_RUN(r) {                                                                             \
      const integer_scale to = INTEGER_SCALE(p, r);                                               \
      quantize_run(p->x, p->y, &to, r.first, r.last, IS_UNSIGNED);                                \
    }                                                                                             \
  }

/** The same to int16. */
void quantize_i16(const quantize_i16_params *p, uint32_t thread, uint32_t threads) {
  const float *x = p->x;
  int16_t *y = p->y;
  FOR_EACH_RUN(r) {
    const integer_scale to = INTEGER_SCALE(p, r);
    uint32_t i = r.first;
    for (; i + 8 <= r.last; i += 8) {
      wasm_v128_store(y + i, wasm_i16x8_narrow_i32x4(quantize_four(x + i, &to),
                                                     quantize_four(x + i + 4, &to)));
    }
    for (; i < r.last; i++) {
      const float rest[4] = {x[i]};
      y[i] = (int16_t)wasm_i32x4_extract_lane(quantize_four(rest, &to), 0);
    }
  }
}

DEFINE_DEQUANTIZE(i8, int8_t, int32_t)
DEFINE_DEQUANTIZE(u8, uint8_t, int32_t)
DEFINE_DEQUANTIZE(i16, int16_t, int32_t)
DEFINE_DEQUANTIZE(i32, int32_t, double)
DEFINE_DEQUANTIZE(i64, int64_t, double)
DEFINE_QUANTIZE_8(i8, 0)
DEFINE_QUANTIZE_8(u8, 1)
