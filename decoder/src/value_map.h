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

/* Where the samples of a brick are put. */
typedef struct vx_store {
  const vx_values *values;
  vx_brick brick;
  void *samples;
  int64_t *table; /* stored value of each dense one, where there are gaps */
} vx_store;

/* Begin, before anything is decoded: what there is too little memory for is known early. */
voxz_status vx_start_store(vx_task *task, const vx_values *values, const vx_brick *brick, void *samples, vx_store *store);

/* Put a row of dense values; rows of all volumes, channel by channel, are counted in order. */
void vx_store_row(const vx_store *store, int64_t number, const int32_t *dense);

#endif
