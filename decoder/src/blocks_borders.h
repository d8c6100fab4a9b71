/* Smoothing of the borders of the blocks of a decoded slice. */

#ifndef VOXZ_BLOCKS_BORDERS_H
#define VOXZ_BLOCKS_BORDERS_H

#include "blocks_slice.h"

/* Smooth them in their own place: upright ones first, then those that lie. */
void vx_smooth_borders(vx_block_slice *slice);

#endif
