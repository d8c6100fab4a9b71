/* What finished rows tell of the next one: classes of its voxels, and parts of their predictions and expected errors. */

#ifndef VOXZ_ROW_SUMS_H
#define VOXZ_ROW_SUMS_H

#include "predictor.h"

/* Neighbours in a row are taken in groups of so many places side by side; those that are too many have coefficients of 0. */
enum { VX_GROUP = 4 };

typedef struct vx_row_sums {
  int64_t *predicted;           /* without the four neighbours to the west */
  int64_t *expected;            /* 1024 times, without the errors to the west */
  const int32_t **coefficients; /* of each voxel's class */
  int32_t *rough;               /* activity of each voxel, then what finished rows tell of its error, where 32 bits do */
  int32_t *grouped;             /* (tiles, classes, VX_GROUP * groups), of this slice */
  int short_sums;               /* no sum of the brick leaves 32 bits */
  int64_t offsets[VX_MOST_TAPS], error_offsets[VX_MOST_TAPS]; /* of the groups, and of the errors, in this slice */
  int32_t error_weights[VX_MOST_TAPS];
  unsigned groups, errors;
} vx_row_sums;

voxz_status vx_new_row_sums(vx_task *task, const vx_padded *padded, const vx_predictor *predictor, vx_row_sums *sums);

/* Offsets of all neighbours of a slice, and coefficients of its tiles in groups. */
void vx_sums_enter(const vx_padded *padded, const vx_predictor *predictor, unsigned settings, const vx_slice *slice, vx_row_sums *sums);

/* Sums of row y, whose first voxel has place `first`. */
void vx_sum_row(const vx_padded *padded, const vx_predictor *predictor, const vx_slice *slice, int64_t y, int64_t first, vx_row_sums *sums);

#endif
