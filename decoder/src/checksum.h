/* CRC32 as in zlib, and SHA-256 (FIPS 180-4). */

#ifndef VOXZ_CHECKSUM_H
#define VOXZ_CHECKSUM_H

#include "task.h"

/* Whether a checksum is right. Builds for fuzzing hold all for right, so that damage reaches what lies behind them. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define VX_FITS(equal) ((void)(equal), 1)
#else
#define VX_FITS(equal) (equal)
#endif

/* CRC32 of more bytes; that of none is 0. */
uint32_t vx_crc32(uint32_t crc, const void *bytes, size_t length);

typedef struct vx_sha256 {
  uint32_t state[8];
  uint8_t block[64];
  uint64_t length;
} vx_sha256;

void vx_sha256_start(vx_sha256 *sum);
void vx_sha256_add(vx_sha256 *sum, const void *bytes, size_t length);
void vx_sha256_finish(vx_sha256 *sum, uint8_t digest[32]);

#endif
