/* Latents: values on the voxels that a network reads beside coordinates, coded as bands of a 9/7 pyramid. */

#ifndef VOXZ_LATENTS_H
#define VOXZ_LATENTS_H

#include "bytes.h"

enum { VX_LATENT_SCALES = 2 };

typedef struct vx_latents {
  unsigned channels;
  double *grid;                       /* (channels, z, y, x) */
  double *coarser[VX_LATENT_SCALES];  /* means over cubes of 2 and 4 voxels a side */
  uint32_t sizes[VX_LATENT_SCALES][3];
} vx_latents;

/* Latents of at most so many channels for volumes of this size. */
voxz_status vx_read_latents(vx_task *task, vx_bytes *from, const uint32_t size[3], uint32_t most, vx_latents *latents);

/* Feature k at a place: a latent, or how far it is from one of its means. */
double vx_latent_feature(const vx_latents *latents, const uint32_t size[3], unsigned k, size_t place);

#endif
