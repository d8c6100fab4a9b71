/* The fast profile of the wavelet codec: whole rows of tokens from static tables. */

#ifndef VOXZ_FAST_H
#define VOXZ_FAST_H

#include "bytes.h"
#include "pyramid.h"

/* Coefficients (components, z, y, x), singles, of a whole part, of which the `undone` finest scales are left out and zero;
   `states` is 1 or 4. */
voxz_status vx_decode_fast_bands(vx_task *task, vx_bytes part, const vx_pyramid *pyramid, uint32_t components, unsigned states,
                                 unsigned undone, double *values);

#endif
