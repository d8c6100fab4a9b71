/* Settings 1 to 5: linear prediction, residuals by entropy tables. */

#ifndef VOXZ_PREDICTIVE_WALK_H
#define VOXZ_PREDICTIVE_WALK_H

#include "quantiser.h"
#include "residuals.h"
#include "row_sums.h"

enum { VX_LARGEST_ERROR = 1 << 20, VX_WEIGHT_BITS = 10, VX_ERROR_BITS = 4 };

/* The last four samples to the west. */
typedef struct vx_west {
  int64_t w1, w2, w3, w4;
} vx_west;

static inline void vx_west_next(vx_west *west, int64_t sample) { *west = (vx_west){sample, west->w1, west->w2, west->w3}; }

/* Prediction of a voxel, with fraction bits, a half added, within the range of the samples. */
static inline int64_t vx_predict(int64_t begun, const int32_t *c, const vx_west *west, int64_t half, int64_t ceiling) {
  const int64_t sum = begun + c[3] * west->w4 + c[2] * west->w3 + c[1] * west->w2 + c[0] * west->w1;
  return vx_clamp(sum, half, ceiling);
}

voxz_status vx_walk_predictive(vx_task *task, vx_padded *padded, const vx_predictor *predictor, unsigned settings, const vx_tables *tables,
                               const vx_quantiser *quantiser, vx_residuals *from);

#endif
