/* One decision of the heavy profile: counters and the network's experts, mixed in two layers, refined. */

#ifndef VOXZ_HEAVY_MIXING_H
#define VOXZ_HEAVY_MIXING_H

#include "coder.h"
#include "heavy_tables.h"

enum {
  VX_HEAVY_COUNTERS = 12, VX_HEAVY_PLACES = 4096, VX_HEAVY_KINDS = 21, VX_HEAVY_SETS = 4, VX_HEAVY_CHOICES = 128, VX_HEAVY_ROWS = 32,
  VX_EXPERTS = 3, VX_NETWORK_INPUT = VX_HEAVY_COUNTERS + 1, VX_HEAVY_INPUTS = VX_NETWORK_INPUT + VX_EXPERTS, VX_HEAVY_REFINED = 33
};

typedef struct vx_counter {
  double chance;
  uint32_t count;
} vx_counter;

typedef struct vx_weights {
  double of[VX_HEAVY_INPUTS], uses;
} vx_weights;

typedef struct vx_heavy_mixture {
  const vx_functions *functions;
  vx_coder *coder;
  vx_weights weights[VX_HEAVY_SETS][VX_HEAVY_KINDS][VX_HEAVY_CHOICES];
  double final[VX_HEAVY_KINDS][VX_HEAVY_SETS];
  double refiners[VX_HEAVY_KINDS][VX_HEAVY_ROWS][VX_HEAVY_REFINED];
  vx_counter counters[VX_HEAVY_COUNTERS][VX_HEAVY_KINDS][VX_HEAVY_PLACES];
} vx_heavy_mixture;

/* What a decision is made from: contexts of the counters, what chooses the sets of weights, log odds of the experts. */
typedef struct vx_heavy_decision {
  unsigned kind, contexts[VX_HEAVY_COUNTERS], chosen[VX_HEAVY_SETS], row;
  double inputs[VX_HEAVY_INPUTS];
} vx_heavy_decision;

voxz_status vx_new_heavy_mixture(vx_task *task, const vx_functions *functions, vx_coder *coder, vx_heavy_mixture **mixture);

/* The next bit; everything involved learns. */
unsigned vx_heavy_decide(vx_heavy_mixture *mixture, vx_heavy_decision *decision);

#endif
