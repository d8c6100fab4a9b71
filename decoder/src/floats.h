/* Codec 3: the samples of a brick that are no special values, as floats of some width. */

#ifndef VOXZ_FLOATS_H
#define VOXZ_FLOATS_H

#include "bytes.h"

typedef struct vx_floats {
  vx_brick brick;         /* channels are volumes */
  unsigned width;         /* bytes of a float as it is coded */
  const uint8_t *present; /* 1: coded; NULL: all are */
  size_t count;           /* of those */
  uint64_t *bits;         /* of each of them, filled */
} vx_floats;

/* Mantissa and exponent bits of floats of 2, 4 or 8 bytes. */
unsigned vx_mantissa_of(unsigned width);
unsigned vx_exponent_of(unsigned width);

/* A float of a width from a double, rounded; and a double from its bits. */
uint64_t vx_float_bits(double value, unsigned width);
double vx_float_of(uint64_t bits, unsigned width);

/* The next part: integers for all that are present, a payload of codec 1. */
voxz_status vx_float_integers(vx_task *task, vx_bytes *from, const vx_floats *floats, int32_t **integers);

voxz_status vx_palette_floats(vx_task *task, vx_bytes *from, vx_floats *floats);
voxz_status vx_scaled_floats(vx_task *task, vx_bytes *from, vx_floats *floats);
voxz_status vx_grid_floats(vx_task *task, vx_bytes *from, vx_floats *floats);
voxz_status vx_stepped_floats(vx_task *task, vx_bytes *from, vx_floats *floats);

#endif
