/* Bit planes: where in a brick something is. */

#ifndef VOXZ_PLANE_H
#define VOXZ_PLANE_H

#include "bytes.h"

/* The plane (series, z, y, x) of a whole part: a byte, 0 or 1, for each place. */
voxz_status vx_decode_plane(vx_task *task, vx_bytes part, const uint32_t size[4], uint8_t **plane);

/* How many places of a plane are 1. */
size_t vx_count_plane(const uint8_t *plane, size_t places);

#endif
