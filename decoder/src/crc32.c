#include "checksum.h"

/* What four bits that are shifted out of the sum put back into it, for the polynomial 0xEDB88320: small enough to be written
   down, so that there is no table to fill and no state to share. */
static const uint32_t SHIFTED[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                     0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                     0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};

uint32_t vx_crc32(uint32_t crc, const void *bytes, size_t length) {
  const uint8_t *data = bytes;
  crc = ~crc;
  for (size_t i = 0; i < length; i++) {
    crc ^= data[i];
    crc = SHIFTED[crc & 15] ^ crc >> 4;
    crc = SHIFTED[crc & 15] ^ crc >> 4;
  }
  return ~crc;
}
