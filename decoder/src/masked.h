/* What stands in front of a payload with loss: samples that are not coded, special values and constant background, and the
   planes that say where they are; and, behind it, what corrects others. */

#ifndef VOXZ_MASKED_H
#define VOXZ_MASKED_H

#include "bytes.h"

enum { VX_MOST_SPECIALS = 8, VX_MOST_CONSTANTS = 3, VX_MOST_PLANES = VX_MOST_SPECIALS + VX_MOST_CONSTANTS };

/* A value and where it is: a plane for each volume of the series, or one for all; `volumes` is their number. */
typedef struct vx_mask {
  uint64_t value;
  uint32_t volumes;
  const uint8_t *plane;
} vx_mask;

typedef struct vx_masks {
  unsigned count;
  vx_mask masks[VX_MOST_PLANES];
} vx_masks;

/* The values and planes of special samples, then, if there is one, the part of the background. */
voxz_status vx_read_masks(vx_task *task, vx_bytes *payload, unsigned specials, int background, const vx_brick *brick, vx_masks *masks);

/* Constants of a background that begins here, 1 to 3. */
voxz_status vx_read_background(vx_task *task, vx_bytes *from, const vx_brick *brick, vx_masks *masks);

/* Put the values in place: the background first. Samples are (series * channels, z, y, x), each axis halved so often. */
void vx_apply_masks(const vx_masks *masks, const vx_brick *brick, const unsigned halvings[3], void *samples);

/* Read corrections and apply them to samples (series * channels, z, y, x). */
voxz_status vx_correct(vx_task *task, vx_bytes *payload, const vx_brick *brick, void *samples);

/* Samples (series * channels, z, y, x) as (series, z, y, x, channels). */
void vx_interleave(const vx_brick *brick, const void *series, void *samples);

#endif
