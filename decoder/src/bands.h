/* The coefficients of all bands of one or more components, from coarse to fine. */

#ifndef VOXZ_BANDS_H
#define VOXZ_BANDS_H

#include "band.h"
#include "bytes.h"

struct vx_network;

/* Coefficients (components, z, y, x) of a whole part, of which the `undone` finest scales are left out and zero; `network` is that
   of the heavy profile, NULL for the light one. */
voxz_status vx_decode_bands(vx_task *task, vx_bytes part, const vx_pyramid *pyramid, uint32_t components, unsigned states,
                            const struct vx_network *network, unsigned undone, double *values);

/* Whether a trellis may have so many states. */
int vx_is_trellis(unsigned states);

#endif
