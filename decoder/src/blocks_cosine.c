#include "blocks_cosine.h"

enum { QUARTER = 32 };

/* cos(pi k / 64) in 1/2^30. */
static const int32_t COSINES[QUARTER + 1] = {
    1073741824, 1072448455, 1068571464, 1062120190, 1053110176, 1041563127, 1027506862, 1010975242, 992008094, 970651112, 946955747,
    920979082,  892783698,  862437520,  830013654,  795590213,  759250125,  721080937,  681174602,  639627258, 596538995, 552013618,
    506158392,  459083786,  410903207,  361732726,  311690799,  260897982,  209476638,  157550647,  105245103, 52686014,  0};

/* cos(pi k / 64). */
static double cosine(unsigned k) {
  const unsigned turned = k % (4 * QUARTER), half = turned > 2 * QUARTER ? 4 * QUARTER - turned : turned;
  return (half > QUARTER ? -COSINES[2 * QUARTER - half] : COSINES[half]) / 1073741824.0;
}

void vx_fill_bases(vx_bases *bases) {
  const double half_root = cosine(QUARTER / 2), gain[VX_SIZES] = {half_root, 0.5, 0.5 * half_root, 0.25};
  for (unsigned size = 0; size < VX_SIZES; size++) {
    const unsigned side = VX_UNIT << size;
    for (unsigned k = 0; k < side; k++)
      for (unsigned n = 0; n < side; n++) bases->of[size][k][n] = (k ? cosine((2 * n + 1) * k * (VX_LARGEST / side)) : half_root) * gain[size];
  }
}

void vx_block_samples(const vx_bases *bases, unsigned size, unsigned most, vx_square coefficients, vx_square samples) {
  const unsigned side = VX_UNIT << size;
  vx_square half;
  for (unsigned y = 0; y < side; y++) {
    for (unsigned x = 0; x < most; x++) half[y][x] = 0.0;
    for (unsigned k = 0; k < most; k++)
      for (unsigned x = 0; x < most; x++) half[y][x] += bases->of[size][k][y] * coefficients[k][x];
  }
  for (unsigned y = 0; y < side; y++) {
    for (unsigned x = 0; x < side; x++) samples[y][x] = 0.0;
    for (unsigned k = 0; k < most; k++)
      for (unsigned x = 0; x < side; x++) samples[y][x] += half[y][k] * bases->of[size][k][x];
  }
}
