/* What the heavy profile remembers of coarser scales at a place: a state for each component and scale. */

#ifndef VOXZ_HEAVY_MEMORY_H
#define VOXZ_HEAVY_MEMORY_H

#include "band.h"
#include "heavy_tables.h"

/* First the sum of the logarithms of a scale's bands, then its state, at the places of the first of them. */
typedef struct vx_scale_state {
  uint32_t size[3];
  unsigned count; /* of bands; 0: there is none */
  int settled;
  double *values;
} vx_scale_state;

typedef struct vx_memory {
  const vx_pyramid *pyramid;
  vx_scale_state (*states)[VX_MOST_SCALES]; /* by component */
} vx_memory;

voxz_status vx_new_memory(vx_task *task, const vx_pyramid *pyramid, uint32_t components, vx_memory *memory);

/* Add a finished band, magnitudes with signs within a component's volume. */
void vx_remember(const vx_functions *functions, vx_memory *memory, unsigned component, const vx_band *band, const int32_t *known);

/* The state of the scales above a band at its places, NULL if there is none. */
voxz_status vx_long_term(vx_task *task, vx_memory *memory, unsigned component, const vx_band *band, const double **state);

/* Blur a plane (z, y, x) in place: 1/4, 1/2, 1/4 along each axis. */
void vx_blur(const uint32_t size[3], double *plane);

#endif
