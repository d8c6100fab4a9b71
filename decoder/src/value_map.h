/* Dense values and the stored values that they stand for. */

#ifndef VOXZ_VALUE_MAP_H
#define VOXZ_VALUE_MAP_H

#include "integers.h"

typedef struct vx_values {
  int64_t low, step, highest, gaps;
  int64_t *starts, *skips; /* of each gap: the first dense value behind it; stored positions left out before that, all in all */
} vx_values;

voxz_status vx_read_values(vx_task *task, vx_side *side, vx_values *values);

/* All stored values must be of the brick's type. */
voxz_status vx_check_values(vx_task *task, const vx_values *values, const vx_brick *brick);

int64_t vx_stored_value(const vx_values *values, int64_t dense);

/* Fill the samples of a brick from dense values: `row` gives those of volume, slice and row. */
voxz_status vx_store_values(vx_task *task, const vx_values *values, const vx_brick *brick, const int32_t *dense, const int64_t *places,
                            void *samples);

#endif
