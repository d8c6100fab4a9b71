/* Steps of residuals where loss is allowed, in 1/64 of the distance of dense values. */

#ifndef VOXZ_QUANTISER_H
#define VOXZ_QUANTISER_H

#include "integers.h"

enum { VX_STEP_BITS = 6, VX_STEP_UNIT = 1 << VX_STEP_BITS };

typedef struct vx_quantiser {
  int64_t step, reach, near, far, bias; /* step 0: nothing is lost */
} vx_quantiser;

voxz_status vx_read_quantiser(vx_task *task, vx_side *side, vx_quantiser *quantiser);

/* The sample that lies so many steps from a prediction in 1/64. */
int64_t vx_stepped(const vx_quantiser *by, int64_t prediction, int64_t steps, int64_t highest);

#endif
