/* Prediction of a block from the samples beside it. */

#ifndef VOXZ_BLOCKS_WITHIN_H
#define VOXZ_BLOCKS_WITHIN_H

#include "blocks_slice.h"

/* Fill the prediction of a block by a plane, a mean or an angle. */
void vx_predict_within(const vx_block_slice *slice, size_t y, size_t x, unsigned size, unsigned mode, vx_square found);

#endif
