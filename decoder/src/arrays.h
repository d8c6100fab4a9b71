/* Files of arrays in the safetensors format: trained models. */

#ifndef VOXZ_ARRAYS_H
#define VOXZ_ARRAYS_H

#include "bytes.h"
#include "json.h"

enum { VX_MOST_ARRAY_AXES = 8 };

typedef struct vx_arrays {
  vx_json header;
  vx_bytes body;
} vx_arrays;

voxz_status vx_open_arrays(vx_task *task, const uint8_t *file, size_t size, vx_arrays *arrays);

/* One of the texts that go with the arrays. */
vx_json vx_array_text(const vx_arrays *arrays, const char *name);

/* Length of an axis of an array, 0 if there is none. */
uint32_t vx_array_axis(const vx_arrays *arrays, const char *name, unsigned axis);

/* Numbers of an array, which must have this shape; all within -65536 and 65536. */
voxz_status vx_take_array(vx_task *task, const vx_arrays *arrays, const char *name, unsigned axes, const uint32_t *shape, double **values);

#endif
