/* A raw LZMA2 stream: chunks of bytes, packed by LZMA or plain. */

#ifndef VOXZ_LZMA_H
#define VOXZ_LZMA_H

#include "task.h"

/* Unpack a whole stream to exactly `length` bytes. */
voxz_status vx_unlzma(vx_task *task, const uint8_t *data, size_t size, uint8_t *out, size_t length);

#endif
