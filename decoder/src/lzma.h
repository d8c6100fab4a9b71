/* A raw LZMA1 stream with lc 3, lp 0, pb 2 and an end marker. */

#ifndef VOXZ_LZMA_H
#define VOXZ_LZMA_H

#include "task.h"

/* Unpack a whole stream to exactly `length` bytes. */
voxz_status vx_unlzma(vx_task *task, const uint8_t *data, size_t size, uint8_t *out, size_t length);

#endif
