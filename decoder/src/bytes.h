/* Numbers in bytes: little-endian, of fixed length or as varints. A reader that runs out gives zeros and says so at the end. */

#ifndef VOXZ_BYTES_H
#define VOXZ_BYTES_H

#include "task.h"

typedef struct vx_bytes {
  const uint8_t *at, *end;
  int overrun;
} vx_bytes;

static inline vx_bytes vx_bytes_of(const uint8_t *data, size_t length) {
  vx_bytes bytes = {data, data + length, 0};
  return bytes;
}

static inline size_t vx_bytes_left(const vx_bytes *bytes) { return (size_t)(bytes->end - bytes->at); }

static inline uint32_t vx_load16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static inline uint32_t vx_load32(const uint8_t *p) { return vx_load16(p) | vx_load16(p + 2) << 16; }
static inline uint64_t vx_load64(const uint8_t *p) { return vx_load32(p) | (uint64_t)vx_load32(p + 4) << 32; }

/* The next `length` bytes; NULL, and an overrun, where there are fewer. */
const uint8_t *vx_bytes_take(vx_bytes *bytes, uint64_t length);

uint8_t vx_u8(vx_bytes *bytes);
uint32_t vx_u16(vx_bytes *bytes);
uint32_t vx_u32(vx_bytes *bytes);
uint64_t vx_u64(vx_bytes *bytes);
double vx_f64(vx_bytes *bytes);
float vx_f32(vx_bytes *bytes);

/* A number of at most nine bytes of 7 bits, so below 2^63. */
uint64_t vx_varint(vx_bytes *bytes);

/* Signed numbers that were folded as 0, -1, 1, -2 ... */
static inline int64_t vx_unfold(uint64_t folded) { return (int64_t)(folded >> 1) ^ -(int64_t)(folded & 1); }

/* A part: u32 length and so many bytes. */
vx_bytes vx_part(vx_bytes *bytes);

/* One sample of 1, 2, 4 or 8 bytes in native byte order. */
static inline void vx_put_sample(void *samples, size_t index, unsigned itemsize, uint64_t value) {
  const uint8_t one = (uint8_t)value;
  const uint16_t two = (uint16_t)value;
  const uint32_t four = (uint32_t)value;
  unsigned char *to = (unsigned char *)samples + index * itemsize;
  if (itemsize == 1) memcpy(to, &one, 1);
  if (itemsize == 2) memcpy(to, &two, 2);
  if (itemsize == 4) memcpy(to, &four, 4);
  if (itemsize == 8) memcpy(to, &value, 8);
}

/* Turn little-endian samples into native ones, or back. */
void vx_swap_if_big_endian(void *samples, size_t bytes, unsigned itemsize);

/* Bytes of a number within a sample: those of complex numbers have two. */
unsigned vx_number_size(voxz_dtype dtype, unsigned itemsize);

/* Reverse the bytes of every number. */
void vx_swap(void *samples, size_t bytes, unsigned itemsize);
int vx_is_big_endian(void);

#endif
