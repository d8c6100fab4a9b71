#include "checksum.h"

static const uint32_t ROUNDS[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turned(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

/* The message schedule of a block: its sixteen words, and 48 made of them. */
static void schedule(const uint8_t *block, uint32_t w[64]) {
  for (unsigned i = 0; i < 16; i++)
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
  for (unsigned i = 16; i < 64; i++) {
    const uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (turned(a, 7) ^ turned(a, 18) ^ a >> 3) + w[i - 7] + (turned(b, 17) ^ turned(b, 19) ^ b >> 10);
  }
}

/* A round. In the next one every word has moved on by a place: callers name them anew. */
static inline void turn(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g, uint32_t *h, uint32_t added) {
  const uint32_t one = *h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (g ^ (e & (f ^ g))) + added;
  *d += one;
  *h = one + (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) | (c & (a | b)));
}

static void add_block(uint32_t state[8], const uint8_t *block) {
  uint32_t w[64], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  schedule(block, w);
  for (unsigned i = 0; i < 64; i += 8) {
    turn(a, b, c, &d, e, f, g, &h, ROUNDS[i] + w[i]);
    turn(h, a, b, &c, d, e, f, &g, ROUNDS[i + 1] + w[i + 1]);
    turn(g, h, a, &b, c, d, e, &f, ROUNDS[i + 2] + w[i + 2]);
    turn(f, g, h, &a, b, c, d, &e, ROUNDS[i + 3] + w[i + 3]);
    turn(e, f, g, &h, a, b, c, &d, ROUNDS[i + 4] + w[i + 4]);
    turn(d, e, f, &g, h, a, b, &c, ROUNDS[i + 5] + w[i + 5]);
    turn(c, d, e, &f, g, h, a, &b, ROUNDS[i + 6] + w[i + 6]);
    turn(b, c, d, &e, f, g, h, &a, ROUNDS[i + 7] + w[i + 7]);
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void vx_sha256_start(vx_sha256 *sum) {
  static const uint32_t FIRST[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(sum->state, FIRST, sizeof FIRST);
  sum->length = 0;
}

void vx_sha256_add(vx_sha256 *sum, const void *bytes, size_t length) {
  const uint8_t *data = bytes;
  while (length > 0) {
    const size_t held = (size_t)(sum->length % 64), taken = length < 64 - held ? length : 64 - held;
    if (taken == 64) {
      add_block(sum->state, data);
    } else {
      memcpy(sum->block + held, data, taken);
      if (held + taken == 64) add_block(sum->state, sum->block);
    }
    data += taken;
    length -= taken;
    sum->length += taken;
  }
}

void vx_sha256_finish(vx_sha256 *sum, uint8_t digest[32]) {
  const uint64_t bits = sum->length * 8;
  const uint8_t one = 0x80, zero = 0;
  uint8_t end[8];
  vx_sha256_add(sum, &one, 1);
  while (sum->length % 64 != 56) vx_sha256_add(sum, &zero, 1);
  for (unsigned i = 0; i < 8; i++) end[i] = (uint8_t)(bits >> (56 - 8 * i));
  vx_sha256_add(sum, end, 8);
  for (unsigned i = 0; i < 32; i++) digest[i] = (uint8_t)(sum->state[i / 4] >> (24 - 8 * (i % 4)));
}
