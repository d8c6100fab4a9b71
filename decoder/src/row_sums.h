/* What finished rows tell of the next one: classes of its voxels, and parts of their predictions and expected errors. */

#ifndef VOXZ_ROW_SUMS_H
#define VOXZ_ROW_SUMS_H

#include "predictor.h"

/* Short sums take neighbours in fours that lie side by side, two fours at once; those that are too many have weights of 0. */
enum { VX_FOUR = 4, VX_GROUP = 2 * VX_FOUR };

typedef struct vx_row_sums {
  int64_t *predicted;           /* without the four neighbours to the west */
  int64_t *expected;            /* 1024 times, without the errors to the west */
  const int32_t **coefficients; /* of each voxel's class */
  int64_t offsets[VX_MOST_TAPS], error_offsets[VX_MOST_TAPS]; /* of the neighbours, and of the errors, in this slice */
  int32_t error_weights[VX_MOST_TAPS];
  unsigned taps, errors;
  /* where samples are kept in 16 bits */
  int32_t *rough, *classes; /* activity of each voxel, then what finished rows tell of its error; its class */
  int16_t *weights;         /* (tiles, classes, VX_GROUP * groups), of this slice */
  int64_t *begun;           /* (tiles, classes): half, and what the centre of the samples adds */
  int64_t fours[2 * VX_MOST_TAPS]; /* offsets */
  unsigned groups;
} vx_row_sums;

/* Keep samples in 16 bits if no sum of the brick then leaves 32 bits: before rows are summed. */
voxz_status vx_choose_sums(vx_task *task, vx_padded *padded, const vx_predictor *predictor);

voxz_status vx_new_row_sums(vx_task *task, const vx_padded *padded, const vx_predictor *predictor, vx_row_sums *sums);

/* Offsets of all neighbours of a slice, and weights of its tiles in groups. */
void vx_sums_enter(const vx_padded *padded, const vx_predictor *predictor, unsigned settings, const vx_slice *slice, vx_row_sums *sums);

/* Sums of row y, whose first voxel has place `first`. */
void vx_sum_row(const vx_padded *padded, const vx_predictor *predictor, const vx_slice *slice, int64_t y, int64_t first, vx_row_sums *sums);

#endif
