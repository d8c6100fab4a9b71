/* Samples of a brick at a lower resolution, for bricks that have none of their own. */

#ifndef VOXZ_REDUCE_H
#define VOXZ_REDUCE_H

#include "task.h"

/* Every 2^halvings-th sample of (series, z, y, x, channels), from `first` along z, y, x on: averages by the low-pass filter of 9/7,
   or the samples themselves where averages mean nothing, and where `names` says so. */
voxz_status vx_reduce(vx_task *task, const vx_brick *brick, const void *samples, const uint32_t first[3], const unsigned halvings[3],
                      int names, void *reduced);

/* Samples (series, z, y, x, channels) of a brick that are constant background, of all volumes together (series, z, y, x); numbers
   are the samples as doubles in the order (series * channels, z, y, x). */
voxz_status vx_find_background(vx_task *task, const vx_brick *brick, const double *numbers, uint8_t *mask);

/* Smooth values for the unknown places of a volume (z, y, x), some of whose places are known. */
voxz_status vx_fill_unknown(vx_task *task, const uint32_t size[3], const uint8_t *unknown, double *volume);

#endif
