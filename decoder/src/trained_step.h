/* A lifting step of a trained transform: what filters make of one half of a box, for the other half. */

#ifndef VOXZ_TRAINED_STEP_H
#define VOXZ_TRAINED_STEP_H

#include "transform.h"

/* Half of a box that is split along an axis: its even or odd samples (z, y, x). */
typedef struct vx_half {
  uint32_t size[3];
  double *values;
} vx_half;

/* A half that is filtered, for a target of another length along `axis`. */
typedef struct vx_source {
  const vx_half *half;
  unsigned axis, odd, reach;
  const size_t *places; /* where samples lie, from `reach` before the first on, mirrored at the ends of the line */
  uint32_t width;       /* columns of the target */
  double *rows;         /* room: four rows with margins */
} vx_source;

voxz_status vx_new_source(vx_task *task, const vx_half *half, const vx_half *target, unsigned axis, unsigned odd, unsigned reach,
                          vx_source *source);

/* What a filter (reach, 2, 2) gives for row z, y of the target. */
void vx_filter_row(const vx_source *source, const double *filter, size_t z, size_t y, double *total);

/* Undo a step with networks: divide the target by their gate, if they have one, and take away what filter and network add. */
voxz_status vx_apply_network(vx_task *task, const vx_transform *transform, unsigned set, unsigned step, const double *filter,
                             const vx_source *source, double unit, vx_half *target);

#endif
