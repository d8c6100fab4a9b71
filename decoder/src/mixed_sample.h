/* A sample at settings 6 to 9, found by decisions around the blend of the experts. */

#ifndef VOXZ_MIXED_SAMPLE_H
#define VOXZ_MIXED_SAMPLE_H

#include "mixing.h"
#include "quantiser.h"

/* What experts say of a voxel: where the sample lies, and one over the width of their distributions. The blend is the last. */
typedef struct vx_experts {
  double place[VX_MOST_EXPERTS], width[VX_MOST_EXPERTS];
} vx_experts;

/* The sample; -1 if it is out of range. */
int64_t vx_exact_sample(vx_mixture *mixture, const vx_experts *experts, const vx_contexts *contexts, int64_t highest);
int64_t vx_stepped_sample(vx_mixture *mixture, const vx_experts *experts, const vx_contexts *contexts, const vx_quantiser *quantiser,
                          int64_t highest);

#endif
