/**
 * What a core computes at best: chains of one instruction each on registers alone, as many as hide
 * its latency and leave room for the operands among sixteen registers.
 */
#include "kernels.h"
#include "simd.h"

#define CHAINS 12

/** Makes a result of every chain, so that none is left out. */
INLINE void keep(void *y, const v128_t chains[CHAINS]) {
  v128_t all = chains[0];
  for (uint32_t i = 1; i < CHAINS; i++) all = wasm_v128_xor(all, chains[i]);
  wasm_v128_store(y, all);
}

#define DEFINE_PROBE(name, start, next)                                            \
  void name(const name##_params *p, uint32_t thread, uint32_t threads) {           \
    (void)threads;                                                                 \
    v128_t chains[CHAINS];                                                         \
    _Pragma("clang loop unroll(full)") for (uint32_t i = 0; i < CHAINS; i++) {     \
      chains[i] = start;                                                           \
    }                                                                              \
    _Pragma("clang loop unroll(disable)") for (uint32_t round = 0; round < p->rounds; round++) {                         \
      _Pragma("clang loop unroll(full)") for (uint32_t i = 0; i < CHAINS; i++) {   \
        chains[i] = (v128_t)(next);                                                \
      }                                                                            \
    }                                                                              \
    keep((uint8_t *)p->y + 16 * thread, chains);                                   \
  }

/** Factors and addends below 1 keep the values in the range of normal numbers. */
DEFINE_PROBE(probe_f32, wasm_f32x4_splat((float)i),
             madd_f32x4((f32x4)chains[i], splat_f32x4(0.5f), splat_f32x4(0.25f)))

DEFINE_PROBE(probe_i16, wasm_i16x8_splat((int16_t)i),
             dot_i16x8((i16x8)chains[i], splat_i16x8(3), (i32x4)chains[i]))

DEFINE_PROBE(probe_i8, wasm_i32x4_splat((int32_t)i),
             dot_i8x16(chains[i], wasm_i8x16_splat(5), (i32x4)chains[i]))
