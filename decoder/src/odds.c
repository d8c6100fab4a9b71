#include "odds.h"

static const double UNIT = 1073741824.0, LN_2 = 0.6931471805599453;

double vx_rounded(double value) {
  const double large = 6755399441055744.0; /* 1.5 * 2^52: sums with it have no fraction */
  return (value + large) - large;
}

/* The natural logarithm of a whole number above 0: ln 2 for each octave, 2 artanh((m - 1) / (m + 1)) for the rest. */
static double logarithm(uint32_t number) {
  enum { TERMS = 31 };
  double mantissa = (double)number, octaves = 0.0, sum = 0.0;
  while (mantissa > 1.5) {
    mantissa *= 0.5;
    octaves += 1.0;
  }
  const double ratio = (mantissa - 1.0) / (mantissa + 1.0), square = ratio * ratio;
  for (int k = TERMS; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return octaves * LN_2 + 2.0 * ratio * sum;
}

/* exp(-v) for v from 0 to 12: the Taylor series of a sixteenth, squared four times. */
static double decay(double value) {
  enum { TERMS = 24, SQUARINGS = 4 };
  const double part = -value / (1 << SQUARINGS);
  double sum = 1.0;
  for (int k = TERMS; k >= 1; k--) sum = 1.0 + sum * part / k;
  for (int k = 0; k < SQUARINGS; k++) sum *= sum;
  return sum;
}

voxz_status vx_new_odds(vx_task *task, vx_odds **odds) {
  vx_odds *made;
  VX_NEW(task, made, 1);
  for (uint32_t i = 0; i < VX_ODDS; i++) {
    const double odd = logarithm(2 * i + 1) - logarithm(2 * VX_ODDS - 2 * i - 1);
    made->log_odds[i] = vx_rounded(odd * UNIT) / UNIT;
  }
  const uint32_t middle = VX_REACH * VX_STEPS;
  for (uint32_t i = 0; i <= middle; i++) {
    const double half = vx_rounded(UNIT / (1.0 + decay((double)i / VX_STEPS))) / UNIT;
    made->logistic[middle + i] = half;
    made->logistic[middle - i] = 1.0 - half;
  }
  made->logistic[VX_LOGISTIC - 1] = made->logistic[VX_LOGISTIC - 2];
  for (uint32_t n = 0; n < VX_RECIPROCALS; n++) made->reciprocal[n] = 131072 / (2 * n + 3);
  *odds = made;
  return VOXZ_OK;
}
