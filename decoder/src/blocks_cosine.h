/* Cosine transforms of blocks. */

#ifndef VOXZ_BLOCKS_COSINE_H
#define VOXZ_BLOCKS_COSINE_H

#include "blocks_slice.h"

/* By size of the block: functions in rows. */
typedef struct vx_bases {
  vx_square of[VX_SIZES];
} vx_bases;

void vx_fill_bases(vx_bases *bases);

/* Samples of a block whose coefficients are zero from row and column `most` on. */
void vx_block_samples(const vx_bases *bases, unsigned size, unsigned most, vx_square coefficients, vx_square samples);

#endif
