/* Codec 0: bytes, plain or packed by zlib or LZMA. */

#ifndef VOXZ_STORED_H
#define VOXZ_STORED_H

#include "task.h"

/* The `length` bytes of a payload; method 2 sorts the bytes of samples of `itemsize` by significance. */
voxz_status vx_unpack_stored(vx_task *task, const uint8_t *payload, size_t size, unsigned itemsize, uint8_t *out, size_t length);

voxz_status vx_decode_stored(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples);

#endif
