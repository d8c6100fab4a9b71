/* The logistic function and log odds as the format tables them: rounded to multiples of 2^-30, half to even. They are computed
   in doubles of a fixed order, so every machine gets the same numbers; tests compare each with the reference. */

#ifndef VOXZ_ODDS_H
#define VOXZ_ODDS_H

#include "task.h"

enum { VX_ODDS = 4096, VX_REACH = 12, VX_STEPS = 128, VX_LOGISTIC = 2 * VX_REACH * VX_STEPS + 2, VX_RECIPROCALS = 256 };

typedef struct vx_odds {
  double log_odds[VX_ODDS];      /* ln(p / (1 - p)) in the middle of each of 4096 intervals of p */
  double logistic[VX_LOGISTIC];  /* 1 / (1 + exp(-v)) at multiples of 1 / 128; the last stands twice, for interpolation */
  uint32_t reciprocal[VX_RECIPROCALS]; /* 65536 / (n + 1.5) */
} vx_odds;

voxz_status vx_new_odds(vx_task *task, vx_odds **odds);

/* `value` rounded to a whole number, half to even; magnitudes below 2^51. */
double vx_rounded(double value);

/* Place of a number in the table of the logistic function, from 0 on. */
static inline double vx_logistic_place(double value) {
  const double edge = VX_REACH - 0.01, high = value > -edge ? value : -edge;
  return ((high < edge ? high : edge) + VX_REACH) * VX_STEPS;
}

/* The logistic function, interpolated. */
static inline double vx_logistic(const vx_odds *odds, double value) {
  const double place = vx_logistic_place(value);
  const uint32_t index = (uint32_t)place;
  const double low = odds->logistic[index];
  return low + (place - (double)index) * (odds->logistic[index + 1] - low);
}

/* A counter, chance << 8 | number of decisions, after one more bit. */
static inline uint32_t vx_learnt(const vx_odds *odds, uint32_t known, unsigned bit) {
  enum { COUNT_BITS = 8, LIMIT = 250 };
  const uint32_t count = known & ((1u << COUNT_BITS) - 1), next = count < LIMIT ? count + 1 : LIMIT;
  const int64_t chance = known >> COUNT_BITS, missed = (int64_t)bit * 65535 - chance;
  return (uint32_t)(chance + vx_right(missed * odds->reciprocal[count], 16)) << COUNT_BITS | next;
}

#endif
