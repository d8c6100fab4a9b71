/* Settings 6 to 9: what the blend is expected to miss, by least squares on how experts differ from it and on its errors nearby. */

#ifndef VOXZ_CORRECTION_H
#define VOXZ_CORRECTION_H

#include "squares.h"

typedef struct vx_correction {
  vx_squares squares;
  double *misses; /* (height, row), zeros around: samples minus the blend, of the slice before until the walk passes */
  double *beyond; /* (height, width): those of the slice before that */
  int64_t width, row;
  unsigned others; /* experts without the blend */
} vx_correction;

/* `scales` are those of the experts' least squares. */
voxz_status vx_new_correction(vx_task *task, const vx_padded *padded, unsigned others, double *scales, vx_correction *correction);

/* The blend with its correction. */
double vx_correct_blend(vx_correction *correction, double blend, int64_t x, int64_t y, double error, const double *places);

/* What the blend missed. */
void vx_note_miss(vx_correction *correction, double miss, int64_t x, int64_t y);

/* After a row. */
void vx_learn_misses(const vx_correction *correction, int64_t y);

#endif
