/* Trained transforms: filters in the lifting steps, and networks beside them. */

#ifndef VOXZ_TRANSFORM_H
#define VOXZ_TRANSFORM_H

#include "bytes.h"
#include "pyramid.h"

enum { VX_MOST_STEPS = 8, VX_MOST_REACH = 4, VX_SHARINGS = 4, VX_NETWORK_UNITS = 16, VX_NETWORK_ARRAYS = 5 };

typedef enum vx_network_kind { VX_NO_NETWORK, VX_RELU, VX_ADDITIVE, VX_AFFINE } vx_network_kind;

typedef struct vx_transform {
  int reversible;
  unsigned steps, reach, sharing, classes;
  vx_network_kind network;
  unsigned network_sharing;
  const double *filters; /* (classes * sets, steps, reach, 2, 2) */
  double norms[VX_MOST_SCALES + 1][VX_MOST_SCALES + 1][8]; /* scales along z, scale, orientation */
  const double *arrays[VX_NETWORK_ARRAYS]; /* of the network, (sets, steps, ...), in the order of the document */
} vx_transform;

/* Filters that a payload brings along. */
voxz_status vx_read_own_transform(vx_task *task, vx_bytes *payload, const unsigned scales[3], int reversible, vx_transform **transform);

/* The transform of a model's file. */
voxz_status vx_read_transform(vx_task *task, const uint8_t *file, size_t size, vx_transform **transform);

/* Sets of a way of sharing. */
unsigned vx_sets_of(unsigned sharing);

/* Inverse of the transform, but for the `undone` finest scales. */
voxz_status vx_synthesise_trained(vx_task *task, const vx_pyramid *pyramid, unsigned undone, double *volume);

#endif
