#include "heavy_tables.h"

enum { FRACTION = 60, UNIT_BITS = 40 };

static const double UNIT = 1099511627776.0; /* 2^40 */

/* ln 2 in 2^-64. */
#define LN_2 UINT64_C(0xB17217F7D1CF79AB)

/* The high half of a product of 64 by 64 bits. */
static uint64_t high_product(uint64_t a, uint64_t b) {
  const uint64_t a_0 = (uint32_t)a, a_1 = a >> 32, b_0 = (uint32_t)b, b_1 = b >> 32;
  const uint64_t middle = a_1 * b_0 + (a_0 * b_0 >> 32), other = a_0 * b_1 + (uint32_t)middle;
  return a_1 * b_1 + (middle >> 32) + (other >> 32);
}

/* log2 of a whole number above 0 and below 2^32, in 2^-58: bit by bit, by squaring. */
static uint64_t whole_log2(uint32_t number) {
  enum { BITS = 58 };
  unsigned octave = 0;
  while (number >> octave > 1) octave++;
  uint64_t mantissa = (uint64_t)number << (63 - octave), found = octave; /* mantissa: 1 to 2, in 2^-63 */
  for (unsigned bit = 0; bit < BITS; bit++) {
    mantissa = high_product(mantissa, mantissa); /* 1 to 4, in 2^-62 */
    const unsigned two = mantissa >> 63 & 1;
    if (!two) mantissa <<= 1;
    found = found << 1 | two;
  }
  return found;
}

/* A number in 2^-58, rounded to 2^-40. Ties do not occur but for exact powers of two. */
static double rounded(uint64_t value) {
  enum { DOWN = 58 - UNIT_BITS };
  return (double)((value + (UINT64_C(1) << (DOWN - 1))) >> DOWN) / UNIT;
}

/* The square root of a number from 1 to 4 in 2^-62, in 2^-62: Newton's method from above. */
static uint64_t root(uint64_t value) {
  uint64_t low = UINT64_C(1) << 62, high = UINT64_C(1) << 63;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    if (high_product(middle, middle) >= value >> 2)
      high = middle;
    else
      low = middle;
  }
  return low;
}

/* 2^(i / 256) for all i: products of the eight roots of two. */
static void fill_powers(double *powers) {
  uint64_t roots[8], last = UINT64_C(1) << 63;
  for (unsigned k = 0; k < 8; k++) roots[k] = last = root(last);
  for (unsigned i = 0; i <= VX_POWER_STEPS; i++) {
    uint64_t product = UINT64_C(1) << 62;
    for (unsigned k = 0; k < 8; k++)
      if (i >> (7 - k) & 1) product = high_product(product, roots[k]) << 2;
    powers[i] = (double)((product + (UINT64_C(1) << 21)) >> 22) / UNIT;
  }
  powers[VX_POWER_STEPS] = 2.0;
}

voxz_status vx_new_functions(vx_task *task, vx_functions **functions) {
  vx_functions *made;
  vx_odds *odds;
  VX_NEW(task, made, 1);
  VX_TRY(vx_new_odds(task, &odds));
  made->odds = odds;
  for (uint32_t n = 1; n < VX_LOGS; n++) made->logs[n] = rounded(whole_log2(n));
  for (uint32_t i = 0; i < VX_EDGE; i++) {
    const uint64_t octaves = whole_log2(131071 - 2 * i) - whole_log2(2 * i + 1); /* of 1 / odds, below 17 in 2^-58 */
    made->edge_odds[i] = -rounded(high_product(octaves, LN_2));
  }
  fill_powers(made->powers);
  *functions = made;
  return VOXZ_OK;
}

double vx_power_of_two(const vx_functions *of, double exponent) {
  const double lowest = -24.0 + 0.01, highest = 24.0 - 0.01, low = exponent > lowest ? exponent : lowest;
  const double held = (low < highest ? low : highest) + 24.0;
  const int octave = (int)held;
  const double scaled = (held - octave) * VX_POWER_STEPS;
  const int index = (int)scaled;
  const double t = of->powers[index], octaves = octave >= 24 ? (double)(1 << (octave - 24)) : 1.0 / (1 << (24 - octave));
  return octaves * (t + (scaled - index) * (of->powers[index + 1] - t));
}

double vx_odds_of(const vx_functions *of, double chance) {
  const double scaled = chance * 65536.0, low = scaled > 0.0 ? scaled : 0.0;
  const uint32_t place = (uint32_t)(low < 65535.0 ? low : 65535.0);
  if (place < VX_EDGE) return of->edge_odds[place];
  if (place >= 65536 - VX_EDGE) return -of->edge_odds[65535 - place];
  return of->odds->log_odds[place >> 4];
}
