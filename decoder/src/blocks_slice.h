/* A slice while its blocks are decoded.

   A block of size s has VX_UNIT << s samples a side. Maps have an entry for every VX_UNIT x VX_UNIT samples. Slices have whole
   blocks of the largest size. */

#ifndef VOXZ_BLOCKS_SLICE_H
#define VOXZ_BLOCKS_SLICE_H

#include "task.h"

enum { VX_UNIT = 4, VX_SIZES = 4, VX_LARGEST = VX_UNIT << (VX_SIZES - 1) };

/* What predicts a block: a plane, a mean, 33 angles, or other slices. */
enum { VX_PLANAR, VX_MEAN, VX_FIRST_ANGLE, VX_ACROSS = 35, VX_MODES };

typedef enum vx_slice_kind { VX_ALONE, VX_FROM_BEFORE, VX_FROM_BOTH } vx_slice_kind;

typedef struct vx_block_slice {
  size_t height, width;
  vx_slice_kind kind;
  double step;                    /* of its coefficients */
  double *samples;                /* as decoded so far */
  double *likely;                 /* what other slices make of it */
  int32_t *indices;               /* of the coefficients of each block, at its place */
  uint8_t *sizes, *modes, *lasts; /* maps of the block there: its size, what predicts it, its diagonals that have indices */
  uint8_t *known;                 /* map: whether it is decoded */
  const uint8_t *modes_before;    /* `modes` of the slice that it is predicted from; of no matter for one that stands alone */
} vx_block_slice;

/* Entries in a row of a map. */
static inline size_t vx_units(const vx_block_slice *slice) { return slice->width / VX_UNIT; }

typedef double vx_square[VX_LARGEST][VX_LARGEST];

#endif
