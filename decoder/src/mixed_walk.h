/* Settings 6 to 9: experts, their blend, and binary decisions around it. */

#ifndef VOXZ_MIXED_WALK_H
#define VOXZ_MIXED_WALK_H

#include "quantiser.h"
#include "row_sums.h"

voxz_status vx_walk_mixed(vx_task *task, vx_padded *padded, const vx_predictor *predictor, unsigned settings, const vx_quantiser *quantiser,
                          const uint8_t *stream, size_t size);

#endif
