/* The linear predictors of a brick: what the side information says of them, and the neighbours that they take. */

#ifndef VOXZ_PREDICTOR_H
#define VOXZ_PREDICTOR_H

#include "integers.h"
#include "padding.h"

enum { VX_WEST = 4, VX_MOST_TAPS = 40, VX_MOST_CLASSES = 4, VX_MOST_TILES = 256, VX_SETTINGS = 5 };

/* Neighbours in a row: volume, dz, dy, first and last dx. */
typedef struct vx_tap_row {
  int8_t volume, dz, dy, first, last;
} vx_tap_row;

typedef struct vx_taps {
  unsigned rows;
  vx_tap_row row[16];
} vx_taps;

/* Errors in a row, with weights: volume, dz, dy, first dx. */
typedef struct vx_error_row {
  int8_t volume, dz, dy, first;
  uint8_t count;
  int16_t weight[5];
} vx_error_row;

/* How the expected error of a voxel follows from the activity and from errors around it, in 1/1024. */
typedef struct vx_errors {
  int activity, west[2];
  unsigned rows;
  vx_error_row row[7];
} vx_errors;

/* The neighbours of a mode, four of the west left out, as taps; returns how many. */
unsigned vx_list_taps(const vx_taps *of, vx_tap *taps);

/* Neighbours of settings 1 to 9 and a mode: of the forward prediction (6 to 9 have that of 5), or, at 6 to 9, of least squares. */
const vx_taps *vx_forward_taps(unsigned settings, unsigned mode);
const vx_taps *vx_local_taps(unsigned settings, unsigned mode);
const vx_errors *vx_error_taps(unsigned settings, unsigned mode);

typedef struct vx_predictor {
  int64_t down, across, precision, classes;
  int64_t *thresholds; /* (modes, classes - 1) */
  int32_t *coefficients; /* (units, classes, stride): west 1 to 4, then the taps */
  unsigned stride, taps[VX_MODES];
  const vx_errors *errors[VX_MODES];
  int ahead; /* expected errors leave the voxel's own row out */
} vx_predictor;

/* Two earlier volumes for each volume but the first, to `padded->references`. */
voxz_status vx_read_references(vx_task *task, vx_side *side, vx_padded *padded);

voxz_status vx_read_predictor(vx_task *task, vx_side *side, unsigned settings, vx_padded *padded, vx_predictor *predictor);

#endif
