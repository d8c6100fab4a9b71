/* The network of the heavy profile: which distribution a coefficient has, and how its last layers learn. */

#ifndef VOXZ_HEAVY_NETWORK_H
#define VOXZ_HEAVY_NETWORK_H

#include "heavy.h"
#include "heavy_mixing.h"

enum {
  VX_MIXED = 3, VX_GATES = 2 * VX_MIXED, VX_SIGNED = 14 + 2 + 4 * 6, VX_OUTPUTS = VX_GATES + VX_SIGNED, VX_FEATURES = 45, VX_MOST_UNITS = 256,
  VX_INPUT_OUTER = 38, VX_INPUT_INNER = 39, VX_INPUT_LONG = 40, VX_INPUT_WIDE_PARENT = 41, VX_INPUT_WIDE_SISTERS = 42,
  VX_INPUT_WIDE_ABOVE = 43, VX_INPUT_WIDE_BEFORE = 44
};

struct vx_network {
  unsigned one, two; /* units of the hidden layers */
  const double *first, *slope, *bias, *level_bias, *kind_bias, *second, *second_bias, *third, *third_bias, *edges;
};

/* A last layer, which learns. */
typedef struct vx_expert {
  double *weights; /* (two, VX_OUTPUTS) */
  double bias[VX_OUTPUTS];
} vx_expert;

/* What an expert makes of a coefficient. */
typedef struct vx_distribution {
  double outputs[VX_OUTPUTS], shares[VX_MIXED], steepness[VX_MIXED], mean;
} vx_distribution;

/* What an expert with the `used` first outputs makes of the second layer and signed inputs; `log` is that of the expectation. */
void vx_distribute(const vx_functions *functions, const vx_expert *expert, const double *deeper, unsigned two, unsigned used, double log,
                   const double *signed_inputs, vx_distribution *found);

/* Chance of a magnitude beyond a bound; log odds that one between two bounds is negative. */
double vx_chance_beyond(const vx_functions *functions, const vx_distribution *of, double bound);
double vx_odds_of_minus(const vx_functions *functions, const vx_distribution *of, double lower, double upper);

/* A step of an expert for a magnitude between two bounds. */
void vx_learn_expert(const vx_functions *functions, vx_expert *expert, const vx_distribution *of, double lower, double upper, int minus,
                     const double *deeper, unsigned two, double energy, unsigned used, const double *signed_inputs, const double rates[2]);

#endif
