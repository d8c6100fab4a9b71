/* Deflate (RFC 1951) within zlib's wrapper (RFC 1950). */

#ifndef VOXZ_INFLATE_H
#define VOXZ_INFLATE_H

#include "task.h"

/* Unpack a whole zlib stream to exactly `length` bytes. */
voxz_status vx_unzip(vx_task *task, const uint8_t *data, size_t size, uint8_t *out, size_t length);

#endif
