/* Settings 6 to 9: one binary decision from the log odds of experts and counters, which learn from it. */

#ifndef VOXZ_MIXING_H
#define VOXZ_MIXING_H

#include "coder.h"
#include "odds.h"

enum {
  VX_MOST_EXPERTS = 4,
  VX_COUNTERS = 3,
  VX_DEPTH = 12, /* decisions that are told apart */
  VX_NODES = 2 * VX_DEPTH,
  VX_SCALES = 64,
  VX_PHASES = 4,
  VX_PATTERNS = 64,
  VX_COARSE = 16,
  VX_REFINED = 33
};

typedef struct vx_mixture {
  const vx_odds *odds;
  vx_coder coder;
  unsigned experts;
  double weights[2][VX_DEPTH + 1][VX_SCALES][VX_MOST_EXPERTS + VX_COUNTERS];
  double refiners[VX_NODES][VX_SCALES / 2][VX_REFINED];
  uint32_t phased[VX_NODES][VX_SCALES][VX_PHASES];
  uint32_t crossed[VX_NODES][VX_PATTERNS * VX_COARSE];
  uint32_t texture[VX_NODES][VX_COARSE * VX_COARSE * VX_COARSE];
} vx_mixture;

/* What is known of a voxel before its sample. */
typedef struct vx_contexts {
  int64_t error, west, north; /* the expected error, errors of two neighbours, in 1/16 */
  unsigned scale, pattern, crossed, texture;
} vx_contexts;

voxz_status vx_new_mixture(vx_task *task, unsigned experts, const uint8_t *stream, size_t size, vx_mixture **mixture);

/* The next decision; `odds` are those of the experts, `node` and `depth` its places among counters and among weights. */
unsigned vx_decide(vx_mixture *mixture, const double *odds, unsigned node, unsigned depth, unsigned phase, const vx_contexts *contexts);

/* Log odds of a chance, from the table. */
double vx_log_odds(const vx_odds *odds, double chance);

#endif
