/* Wavelet pyramids of a volume (z, y, x): which bands they have, where these lie, and how the volume comes back from them. */

#ifndef VOXZ_PYRAMID_H
#define VOXZ_PYRAMID_H

#include "task.h"

enum { VX_MOST_SCALES = 6, VX_MOST_BANDS = 1 + 7 * VX_MOST_SCALES };

struct vx_transform;
struct vx_motion;

/* How halves are merged without a trained transform: 9/7 in doubles or singles, 5/3 for whole numbers that come back exactly. */
typedef enum vx_lifting { VX_97, VX_SINGLE_97, VX_53 } vx_lifting;

typedef struct vx_pyramid {
  uint32_t size[3];
  unsigned scales[3];
  vx_lifting lifting;
  double step;                          /* of the quantiser; 0 when lossless */
  const struct vx_transform *transform; /* trained; NULL: none */
  const struct vx_motion *motion;       /* what the step along z follows; NULL: nothing */
} vx_pyramid;

/* A band: scale 0 is the finest; bits of the orientation: 1 z, 2 y, 4 x high. An error of 1 in it is one of `norm`. */
typedef struct vx_band {
  unsigned scale, orientation;
  uint32_t start[3], size[3];
  double norm;
} vx_band;

unsigned vx_deepest(const vx_pyramid *pyramid);

/* What is low along all axes after so many scales. */
void vx_lowest(const vx_pyramid *pyramid, unsigned scales, uint32_t size[3]);

/* All bands that are not empty, from coarse to fine. */
unsigned vx_bands_of(const vx_pyramid *pyramid, vx_band bands[VX_MOST_BANDS]);

/* The volume of its coefficients, in place, but for the `undone` finest scales, whose coefficients are not touched. */
voxz_status vx_synthesise(vx_task *task, const vx_pyramid *pyramid, unsigned undone, double *volume);

/* The coefficients of a volume, in place; there is no trained transform. */
voxz_status vx_analyse(vx_task *task, const vx_pyramid *pyramid, double *volume);

/* The box at the start of a volume, divided by a gain, in the numbers of the lifting. */
void vx_take_low(const double *volume, const uint32_t size[3], const uint32_t box[3], vx_lifting lifting, double gain, double *low);

/* What a constant is multiplied with over the `scales` finest scales. */
double vx_gain(const vx_pyramid *pyramid, unsigned scales);

/* Merge the halves of a box at the start of a volume along an axis, or split it in them, in place. */
voxz_status vx_lift(vx_task *task, double *volume, const uint32_t size[3], const uint32_t box[3], unsigned axis, vx_lifting lifting,
                    int forward);

#endif
