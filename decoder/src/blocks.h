/* Slices in blocks, each predicted from what is decoded already: instead of the coefficients of a pyramid. */

#ifndef VOXZ_BLOCKS_H
#define VOXZ_BLOCKS_H

#include "bytes.h"

/* Decode a volume (z, y, x): fields of displacements from one part, everything else from another. `step` is that of the brick. */
voxz_status vx_decode_blocks(vx_task *task, vx_bytes fields, vx_bytes stream, const uint32_t size[3], double step, double *values);

#endif
