/* The codecs by their numbers in files. Each takes a payload and fills the samples of a brick, in native byte order. */

#ifndef VOXZ_CODECS_H
#define VOXZ_CODECS_H

#include "task.h"

enum { VX_LABELS = 2, VX_WAVELET = 4 }; /* codecs that lower resolutions ask for */

/* Bytes of a sample of a type. */
unsigned vx_itemsize(voxz_dtype dtype);

voxz_status vx_decode_brick(vx_task *task, unsigned codec, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples);

voxz_status vx_decode_predictive(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples);
voxz_status vx_decode_labels(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples);
voxz_status vx_decode_floats(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples);
voxz_status vx_decode_wavelet(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples);
voxz_status vx_preview_wavelet(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, const unsigned halvings[3],
                               void *samples); /* axes z, y, x halved so often, without the finer scales */
voxz_status vx_decode_siren(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples);
voxz_status vx_decode_turned(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples);

#endif
