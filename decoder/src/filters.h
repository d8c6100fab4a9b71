/* Filters that a payload brings along, one for each class: of coefficients, by what surrounds them in their band, and of voxels. */

#ifndef VOXZ_FILTERS_H
#define VOXZ_FILTERS_H

#include "integers.h"
#include "pyramid.h"

typedef struct vx_filters {
  unsigned count, precision; /* count 0: there are none */
  const int64_t *of_class;   /* the filter of each class, -1 for none */
  const int64_t *weights;    /* (filters, taps), in 2^-precision */
} vx_filters;

/* Filters of so many classes and taps. */
voxz_status vx_read_filters(vx_task *task, vx_side *side, unsigned classes, unsigned taps, vx_filters *filters);

/* Those of the coefficients of a scale, and of the voxels of a volume. */
voxz_status vx_read_refinement(vx_task *task, vx_side *side, vx_filters *filters);
voxz_status vx_read_restoration(vx_task *task, vx_bytes part, vx_filters *filters);

/* Turn a band of rebuilt coefficients, in units, into coefficients: refined, if there are filters, times the half step. */
voxz_status vx_refine(vx_task *task, const vx_filters *filters, const vx_band *band, const uint32_t size[3], double half_step, double *units);

/* Filter a decoded volume in place. */
voxz_status vx_restore(vx_task *task, const vx_filters *filters, const uint32_t size[3], double step, double *volume);

#endif
