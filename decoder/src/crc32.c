#include "checksum.h"

#include "bytes.h"

enum { MANY = 1 << 14 }; /* bytes for which tables pay */

/* What four bits that are shifted out of the sum put back into it, for the polynomial 0xEDB88320: small enough to be written
   down, so that there is no table to fill and no state to share. */
static const uint32_t SHIFTED[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                     0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                     0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};

static uint32_t shifted(uint32_t crc) {
  crc = SHIFTED[crc & 15] ^ crc >> 4;
  return SHIFTED[crc & 15] ^ crc >> 4;
}

/* Many bytes, four at once: with what a byte puts into the sum after 0 to 3 further bytes. */
static uint32_t add_fours(uint32_t crc, const uint8_t *data, size_t fours) {
  uint32_t after[4][256];
  for (uint32_t byte = 0; byte < 256; byte++) {
    after[0][byte] = shifted(byte);
    for (unsigned k = 1; k < 4; k++) after[k][byte] = shifted(after[k - 1][byte]);
  }
  for (size_t i = 0; i < fours; i++, data += 4) {
    crc ^= vx_load32(data);
    crc = after[3][crc & 255] ^ after[2][crc >> 8 & 255] ^ after[1][crc >> 16 & 255] ^ after[0][crc >> 24];
  }
  return crc;
}

uint32_t vx_crc32(uint32_t crc, const void *bytes, size_t length) {
  const uint8_t *data = bytes;
  const size_t fours = length < MANY ? 0 : length / 4;
  crc = fours ? add_fours(~crc, data, fours) : ~crc;
  for (size_t i = 4 * fours; i < length; i++) crc = shifted(crc ^ data[i]);
  return ~crc;
}
