/* Functions of the heavy profile: logarithms, powers of two and log odds, from tables that are computed to the last bit. */

#ifndef VOXZ_HEAVY_TABLES_H
#define VOXZ_HEAVY_TABLES_H

#include "odds.h"

enum { VX_LOGS = 4096, VX_POWER_STEPS = 256, VX_EDGE = 4096 };

typedef struct vx_functions {
  const vx_odds *odds;
  double logs[VX_LOGS];                   /* log2(n), 0 for n = 0 */
  double powers[VX_POWER_STEPS + 1];      /* 2^(i / 256) */
  double edge_odds[VX_EDGE];              /* ln(c / (1 - c)) for c = (i + 1/2) / 65536 */
} vx_functions;

voxz_status vx_new_functions(vx_task *task, vx_functions **functions);

/* log2 of a whole number from 1 on; numbers of more than 12 bits are cut. */
static inline double vx_log2(const vx_functions *of, uint64_t number) {
  double octaves = 0.0;
  while (number >= VX_LOGS) {
    number >>= 1;
    octaves += 1.0;
  }
  return of->logs[number] + octaves;
}

/* The logarithm of a magnitude, plus a half. */
static inline double vx_log_of_magnitude(const vx_functions *of, int32_t magnitude) {
  return vx_log2(of, 2 * (uint64_t)magnitude + 1) - 1.0;
}

/* The logarithm of a mean, rounded down to 1/16, plus a half. */
static inline double vx_log_of_mean(const vx_functions *of, double mean) { return vx_log2(of, (uint64_t)(mean * 16.0) + 8) - 4.0; }

/* 2^exponent, interpolated. */
double vx_power_of_two(const vx_functions *of, double exponent);

/* ln(chance / (1 - chance)), bounded. */
double vx_odds_of(const vx_functions *of, double chance);

#endif
