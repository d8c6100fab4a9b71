/* The light profile: each index in a few binary decisions, mixed from three adaptive counters. */

#ifndef VOXZ_LIGHT_H
#define VOXZ_LIGHT_H

#include "band.h"

/* What codes the indices of a brick whose stream this is. */
voxz_status vx_new_light(vx_task *task, vx_coder *coder, vx_profile *profile);

/* Bits of an index that are plain: the least number that leaves at most six decisions expected. */
unsigned vx_plain_part(int64_t expected);

#endif
