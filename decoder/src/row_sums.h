/* What finished rows tell of the next one: classes of its voxels, and parts of their predictions and expected errors. */

#ifndef VOXZ_ROW_SUMS_H
#define VOXZ_ROW_SUMS_H

#include "predictor.h"

typedef struct vx_row_sums {
  int64_t *predicted;           /* without the four neighbours to the west */
  int64_t *expected;            /* 1024 times, without the errors to the west */
  const int32_t **coefficients; /* of each voxel's class */
  int64_t offsets[VX_MOST_TAPS], error_offsets[VX_MOST_TAPS], error_weights[VX_MOST_TAPS]; /* of this slice */
  unsigned taps, errors;
} vx_row_sums;

voxz_status vx_new_row_sums(vx_task *task, const vx_padded *padded, vx_row_sums *sums);

/* Offsets of all neighbours of a slice. */
void vx_sums_enter(const vx_padded *padded, const vx_predictor *predictor, unsigned settings, const vx_slice *slice, vx_row_sums *sums);

/* Sums of row y, whose first voxel has place `first`. */
void vx_sum_row(const vx_padded *padded, const vx_predictor *predictor, const vx_slice *slice, int64_t y, int64_t first, vx_row_sums *sums);

#endif
