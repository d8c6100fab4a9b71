/* The padded array that a brick is decoded in, and the rules that fill its border, so that every neighbour of a voxel is found by
   adding an offset to its place. Channels have become volumes: (series, z, y, x). */

#ifndef VOXZ_PADDING_H
#define VOXZ_PADDING_H

#include "task.h"

enum { VX_TOP = 3, VX_MODES = 4, VX_CENTRE = 1 << 15 };

/* A neighbour: volume 0 is the voxel's own, 1 and 2 its references, 3 the running mean. */
typedef struct vx_tap {
  int volume, dz, dy, dx;
} vx_tap;

typedef struct vx_padded {
  int64_t series, depth, height, width;
  int64_t left, right, below, around; /* columns, rows and slices of the border */
  int64_t row, slice, volume, size;   /* places from one to the next, and all */
  int32_t *samples, *errors;
  int16_t *shorts; /* the finished samples less VX_CENTRE, where vx_keep_shorts was asked for them; else NULL */
  const uint8_t *absent; /* 1: not coded; NULL if all are */
  int64_t *total;        /* sum of the volumes so far, for a series */
  int64_t *references;   /* two volumes before each */
  int64_t highest;
} vx_padded;

/* Where a walk is. */
typedef struct vx_slice {
  int64_t series, z, start; /* place of the padded slice */
  int64_t beside;           /* to the co-located voxel: of the first reference, else the slice before, else two rows up */
  unsigned mode;
} vx_slice;

/* Sizes for a brick; arrays of zeros. */
voxz_status vx_padded_of(vx_task *task, const vx_brick *brick, vx_padded *padded);

/* From now on keep samples up to 2 * VX_CENTRE - 1 in 16 bits as well: sums of them take half as long. */
voxz_status vx_keep_shorts(vx_task *task, vx_padded *padded);

/* Places of the samples of volume s, slice z, row y. */
int64_t vx_place(const vx_padded *padded, int64_t s, int64_t z, int64_t y);

/* From a voxel of a volume to a neighbour. */
int64_t vx_offset(const vx_padded *padded, int64_t series, vx_tap tap);

/* The border, in the order of the walk. */
vx_slice vx_enter_slice(const vx_padded *padded, int64_t series, int64_t z);
int64_t vx_open_row(const vx_padded *padded, const vx_slice *slice, int64_t y);
void vx_close_row(const vx_padded *padded, int64_t first);
void vx_leave_slice(const vx_padded *padded, const vx_slice *slice);

/* What takes the place of an absent sample. */
static inline int64_t vx_stand_in(const vx_padded *padded, int64_t i, int64_t beside) {
  const int32_t *at = padded->samples + i;
  return vx_right((int64_t)at[-1] + at[-padded->row] + 2 * (int64_t)at[beside] + 2, 2);
}

#endif
