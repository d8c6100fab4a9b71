/* Codec 1 as a part of others. */

#ifndef VOXZ_PREDICTIVE_H
#define VOXZ_PREDICTIVE_H

#include "task.h"

/* Decode a payload in which only samples with a 1 in `present` (series, z, y, x) are coded; others get any value. NULL: all. */
voxz_status vx_decode_present(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, const uint8_t *present,
                              void *samples);

#endif
