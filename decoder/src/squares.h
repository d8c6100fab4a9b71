/* Least squares on decoded samples: a predictor for each memory and tile, fitted anew after each row of the tile. */

#ifndef VOXZ_SQUARES_H
#define VOXZ_SQUARES_H

#include "predictor.h"

enum { VX_MOST_MEMORIES = 2, VX_MOST_LOCAL = 34 /* neighbours, two of them to the west, and the target */ };

typedef struct vx_squares {
  unsigned memories;
  double memory[VX_MOST_MEMORIES]; /* share of the moments that stays from row to row */
  int64_t tile, across, tiles;
  unsigned taps; /* of this slice */
  int64_t offsets[VX_MOST_LOCAL];
  double *features;  /* (neighbours and target, width): differences to the sample north */
  double *predicted; /* (memories, width): without the west's */
  double *scales;    /* of the voxels in what is learnt */
  double *states, *solutions; /* (memories, 2, tiles, ...) */
} vx_squares;

voxz_status vx_new_squares(vx_task *task, const vx_padded *padded, unsigned settings, vx_squares *squares);

/* One memory of any features, which the caller fills. */
voxz_status vx_new_regression(vx_task *task, const vx_padded *padded, int64_t tile, double memory, unsigned taps, double *scales,
                              vx_squares *squares);

void vx_squares_enter(const vx_padded *padded, const vx_slice *slice, unsigned settings, vx_squares *squares);

/* Before a row: features, and what they predict; after it: learn from the samples. */
void vx_squares_open(const vx_padded *padded, const vx_slice *slice, int64_t y, int64_t first, vx_squares *squares);
void vx_squares_close(const vx_padded *padded, const vx_slice *slice, int64_t y, int64_t first, vx_squares *squares);

/* What lies behind both: moments of a row's features, the last of which is the target, are added to those of its tiles, which fade,
   and solved for coefficients; `least` is added to the diagonal. `second` chooses the second half of the tiles. */
void vx_squares_learn(const vx_squares *squares, int64_t width, int64_t y, unsigned second, double least);

/* Coefficients of a memory for a tile, in slices with one before or without. */
double *vx_solution(const vx_squares *squares, unsigned memory, const vx_slice *slice, int64_t tile);

#endif
