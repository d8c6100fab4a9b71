/* The binary arithmetic decoder. Beyond its stream there are zeros; `position` tells how far it has read. */

#ifndef VOXZ_CODER_H
#define VOXZ_CODER_H

#include "task.h"

typedef struct vx_coder {
  uint32_t low, high, code;
  const uint8_t *data;
  size_t size, position;
} vx_coder;

static inline uint32_t vx_coder_byte(vx_coder *coder) {
  const size_t at = coder->position++;
  return at < coder->size ? coder->data[at] : 0;
}

static inline vx_coder vx_coder_of(const uint8_t *data, size_t size) {
  vx_coder coder = {0, UINT32_MAX, 0, data, size, 0};
  for (int i = 0; i < 4 && size; i++) coder.code = coder.code << 8 | vx_coder_byte(&coder);
  return coder;
}

/* The next bit, which is 1 with probability p / 65536, p from 1 to 65535. */
static inline unsigned vx_bit(vx_coder *coder, uint32_t p) {
  const uint32_t middle = coder->low + (uint32_t)((uint64_t)(coder->high - coder->low) * p >> 16);
  const unsigned bit = coder->code <= middle;
  if (bit)
    coder->high = middle;
  else
    coder->low = middle + 1;
  while (((coder->low ^ coder->high) & 0xFF000000u) == 0) {
    coder->code = coder->code << 8 | vx_coder_byte(coder);
    coder->low <<= 8;
    coder->high = coder->high << 8 | 255;
  }
  return bit;
}

/* So many bits of equal chances, high first. */
static inline uint64_t vx_plain_bits(vx_coder *coder, unsigned count) {
  uint64_t found = 0;
  while (count--) found = found << 1 | vx_bit(coder, 1u << 15);
  return found;
}

#endif
