/* The heavy profile: adaptive counters and a trained network, mixed. */

#ifndef VOXZ_HEAVY_H
#define VOXZ_HEAVY_H

#include "band.h"

typedef struct vx_network vx_network;

/* The weights of a model's file. */
voxz_status vx_read_network(vx_task *task, const uint8_t *file, size_t size, const vx_network **network);

/* What codes the indices of a brick whose stream this is. */
voxz_status vx_new_heavy(vx_task *task, const vx_network *network, const vx_pyramid *pyramid, uint32_t components, vx_coder *coder,
                         vx_profile *profile);

#endif
