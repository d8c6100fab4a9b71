#include "bytes.h"

const uint8_t *vx_bytes_take(vx_bytes *bytes, uint64_t length) {
  if (length > vx_bytes_left(bytes)) {
    bytes->at = bytes->end;
    bytes->overrun = 1;
    return NULL;
  }
  const uint8_t *taken = bytes->at;
  bytes->at += (size_t)length;
  return taken;
}

uint8_t vx_u8(vx_bytes *bytes) {
  const uint8_t *p = vx_bytes_take(bytes, 1);
  return p ? p[0] : 0;
}

uint32_t vx_u16(vx_bytes *bytes) {
  const uint8_t *p = vx_bytes_take(bytes, 2);
  return p ? vx_load16(p) : 0;
}

uint32_t vx_u32(vx_bytes *bytes) {
  const uint8_t *p = vx_bytes_take(bytes, 4);
  return p ? vx_load32(p) : 0;
}

uint64_t vx_u64(vx_bytes *bytes) {
  const uint8_t *p = vx_bytes_take(bytes, 8);
  return p ? vx_load64(p) : 0;
}

double vx_f64(vx_bytes *bytes) {
  const uint64_t bits = vx_u64(bytes);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

float vx_f32(vx_bytes *bytes) {
  const uint32_t bits = vx_u32(bytes);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

uint64_t vx_varint(vx_bytes *bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    const uint8_t byte = vx_u8(bytes);
    value |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  bytes->overrun = 1;
  return 0;
}

vx_bytes vx_part(vx_bytes *bytes) {
  const uint32_t length = vx_u32(bytes);
  const uint8_t *data = vx_bytes_take(bytes, length);
  return vx_bytes_of(data ? data : bytes->end, data ? length : 0);
}

int vx_is_big_endian(void) {
  const uint16_t probe = 1;
  uint8_t first;
  memcpy(&first, &probe, 1);
  return first == 0;
}

void vx_swap(void *samples, size_t bytes, unsigned itemsize) {
  unsigned char *data = samples;
  for (size_t at = 0; at + itemsize <= bytes; at += itemsize)
    for (unsigned i = 0; i < itemsize / 2; i++) {
      const unsigned char kept = data[at + i];
      data[at + i] = data[at + itemsize - 1 - i];
      data[at + itemsize - 1 - i] = kept;
    }
}

void vx_swap_if_big_endian(void *samples, size_t bytes, unsigned itemsize) {
  if (vx_is_big_endian()) vx_swap(samples, bytes, itemsize);
}

unsigned vx_number_size(voxz_dtype dtype, unsigned itemsize) {
  if (dtype == VOXZ_COMPLEX64 || dtype == VOXZ_COMPLEX128) return itemsize / 2;
  return dtype == VOXZ_FLOAT128 || dtype == VOXZ_COMPLEX256 ? 1 : itemsize; /* opaque bytes are never swapped */
}
