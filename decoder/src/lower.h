/* Bricks at any resolution. */

#ifndef VOXZ_LOWER_H
#define VOXZ_LOWER_H

#include "codecs.h"

typedef struct vx_lower {
  unsigned halvings[3];  /* of z, y, x */
  const uint64_t *start; /* where the brick begins along these in its array, which has the places that are kept */
  int names;             /* samples are never averaged */
} vx_lower;

/* The samples of a brick of which the array keeps some, by a payload; for the full resolution all of them. */
voxz_status vx_decode_lower(vx_task *task, unsigned codec, const uint8_t *payload, size_t size, const vx_brick *brick, const vx_lower *lower,
                            void *samples);

#endif
