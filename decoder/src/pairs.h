/* Sums of products of 16-bit numbers, eight at once, by the instruction that multiplies pairs and adds them: no compiler finds it by
   itself in every target. */

#ifndef VOXZ_PAIRS_H
#define VOXZ_PAIRS_H

#include <stdint.h>
#include <string.h>

#if defined(__wasm_simd128__)

#include <wasm_simd128.h>
typedef v128_t vx_pairs;

static inline vx_pairs vx_no_pairs(void) { return wasm_i32x4_splat(0); }

static inline vx_pairs vx_add_pairs(vx_pairs sum, const int16_t *first, const int16_t *second, const int16_t *weights) {
  const v128_t values = wasm_v128_load64_lane(second, wasm_v128_load64_zero(first), 1);
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(values, wasm_v128_load(weights)));
}

static inline void vx_put_pairs(int32_t *to, vx_pairs sum) { wasm_v128_store(to, sum); }

#elif defined(__SSE2__)

#include <emmintrin.h>
typedef __m128i vx_pairs;

static inline vx_pairs vx_no_pairs(void) { return _mm_setzero_si128(); }

static inline vx_pairs vx_add_pairs(vx_pairs sum, const int16_t *first, const int16_t *second, const int16_t *weights) {
  const __m128i values = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)first), _mm_loadl_epi64((const __m128i *)second));
  return _mm_add_epi32(sum, _mm_madd_epi16(values, _mm_loadu_si128((const __m128i *)weights)));
}

static inline void vx_put_pairs(int32_t *to, vx_pairs sum) { _mm_storeu_si128((__m128i *)to, sum); }

#else

typedef struct vx_pairs {
  int32_t of[4];
} vx_pairs;

static inline vx_pairs vx_no_pairs(void) { return (vx_pairs){{0, 0, 0, 0}}; }

static inline vx_pairs vx_add_pairs(vx_pairs sum, const int16_t *first, const int16_t *second, const int16_t *weights) {
  for (int k = 0; k < 2; k++) {
    sum.of[k] += (int32_t)first[2 * k] * weights[2 * k] + (int32_t)first[2 * k + 1] * weights[2 * k + 1];
    sum.of[2 + k] += (int32_t)second[2 * k] * weights[4 + 2 * k] + (int32_t)second[2 * k + 1] * weights[5 + 2 * k];
  }
  return sum;
}

static inline void vx_put_pairs(int32_t *to, vx_pairs sum) { memcpy(to, sum.of, sizeof sum.of); }

#endif
#endif
