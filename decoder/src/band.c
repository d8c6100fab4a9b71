#include "band.h"

enum { MOST_MAGNITUDE = (1 << 20) - 1, UNIT_BITS = 5, SLICES = 3 };

static unsigned parity(unsigned bits) {
  unsigned odd = 0;
  for (; bits; bits &= bits - 1) odd ^= 1;
  return odd;
}

vx_trellis vx_trellis_of(unsigned states) {
  const unsigned choosing = states == 4 ? 1 : states == 8 ? 3 : states == 32 ? 13 : 0;
  const unsigned adding = states == 4 ? 2 : states == 8 ? 5 : states == 32 ? 31 : 0;
  vx_trellis made = {states, {{0}}, {0}};
  for (unsigned s = 0; s < states; s++) {
    made.quantiser[s] = (uint8_t)parity(s & choosing);
    for (unsigned odd = 0; odd < 2; odd++) made.after[s][odd] = (uint8_t)((2 * s + (odd ^ parity(s & adding))) % states);
  }
  return made;
}

void vx_put(vx_walk *walk, uint32_t x, int64_t index, double *units) {
  const unsigned q = walk->trellis->quantiser[walk->state];
  const int64_t size = vx_magnitude(index), magnitude = size ? 2 * size - q : 0;
  const int32_t held = (int32_t)vx_min(magnitude, MOST_MAGNITUDE);
  const int64_t unit = size ? VX_UNITS * magnitude - walk->shifts[q][size > 1] : 0;
  walk->sizes.row[x] = held;
  walk->signs.row[x] = index > 0 ? held : -held;
  units[x] = (double)(index > 0 ? unit : -unit);
  walk->state = walk->trellis->after[walk->state][size & 1];
}

void vx_row_part(const vx_walk *walk, int64_t *line) {
  const vx_around *m = &walk->sizes;
  const int64_t *w = walk->weights;
  const int32_t *up = m->up, *top = m->top, *back = m->back, *above = m->above, *below = m->below, *far = m->far;
  const ptrdiff_t width = (ptrdiff_t)walk->band->size[2];
  for (ptrdiff_t x = 0; x < width; x++) {
    int64_t total = w[2] * up[x - 1] + w[3] * up[x] + w[4] * up[x + 1] + w[5] * top[x];
    total += w[6] * (top[x - 1] + top[x + 1]) + w[7] * (up[x - 2] + up[x + 2]);
    total += w[8] * back[x] + w[9] * (back[x - 1] + back[x + 1]) + w[10] * (above[x] + below[x]);
    total += w[11] * (above[x - 1] + above[x + 1] + below[x - 1] + below[x + 1]);
    total += w[12] * far[x] + w[13] * (back[x - 2] + back[x + 2]);
    line[x] = total * (1 << UNIT_BITS);
  }
}

void vx_row_leaning(const vx_walk *walk, int64_t *line) {
  const vx_around *s = &walk->signs;
  const int64_t *w = walk->leaning;
  const int32_t *up = s->up, *top = s->top, *back = s->back, *above = s->above, *below = s->below, *far = s->far;
  const ptrdiff_t width = (ptrdiff_t)walk->band->size[2];
  for (ptrdiff_t x = 0; x < width; x++) {
    int64_t total = w[2] * up[x - 1] + w[3] * up[x] + w[4] * up[x + 1] + w[5] * top[x];
    total += w[6] * back[x] + w[7] * back[x - 1] + w[8] * back[x + 1] + w[9] * above[x];
    total += w[10] * below[x] + w[11] * far[x] + w[12] * above[x + 1];
    line[x] = total * (1 << UNIT_BITS);
  }
}

uint64_t vx_beyond(vx_coder *coder) {
  unsigned length = 0;
  while (vx_bit(coder, 1u << 15) && length < VX_MOST_BITS) length++;
  return ((uint64_t)1 << length) + vx_plain_bits(coder, length) - 1;
}

unsigned vx_bin(int64_t number) {
  static const uint8_t THIRDS[3] = {32, 40, 51};
  unsigned bin = 0;
  int64_t before = 0;
  for (unsigned k = 0; k < 51; k++) {
    const int64_t bound = ((int64_t)THIRDS[k % 3] << k / 3) >> 5;
    bin += bound != before && number >= bound;
    before = bound;
  }
  return bin;
}

static unsigned trit(int32_t value) { return (unsigned)((value > 0) - (value < 0) + 1); }

unsigned vx_near_signs(const vx_walk *walk, uint32_t column) {
  const ptrdiff_t x = (ptrdiff_t)column;
  const int32_t *row = walk->signs.row, *up = walk->signs.up;
  return ((3 * trit(row[x - 1]) + trit(up[x])) * 3 + trit(up[x - 1])) * 3 + trit(up[x + 1]);
}

unsigned vx_far_signs(const vx_walk *walk, uint32_t column) {
  const ptrdiff_t x = (ptrdiff_t)column;
  const vx_around *s = &walk->signs;
  return ((3 * trit(s->back[x]) + trit(s->row[x - 2])) * 3 + trit(s->top[x])) * 3 + trit(s->far[x]);
}

unsigned vx_lean_bin(int64_t lean, int64_t expected) {
  const unsigned size = (unsigned)vx_min(vx_magnitude(lean) * 24 / (expected + 16), 15);
  return lean >= 0 ? 15 + size : 15 - size;
}

unsigned vx_nearest(const vx_walk *walk, uint32_t column) {
  const ptrdiff_t x = (ptrdiff_t)column;
  const vx_around *m = &walk->sizes;
  return (unsigned)(16 * vx_min(m->row[x - 1], 3) + 4 * vx_min(m->up[x], 3) + vx_min(m->back[x], 3));
}

/* Rows around row y of slice z, of which `pitch` is the length, in three slices and a row of nothing. */
static vx_around rows_around(int32_t *rows, size_t pitch, uint32_t height, uint32_t z, uint32_t y) {
  int32_t *behind = rows + VX_BESIDE;
  const size_t slice = pitch * height;
  const int32_t *nothing = behind + SLICES * slice;
  int32_t *row = behind + z % SLICES * slice + y * pitch;
  const int32_t *back = behind + (z + SLICES - 1) % SLICES * slice + y * pitch;
  const int32_t *far = behind + (z + SLICES - 2) % SLICES * slice + y * pitch;
  const vx_around around = {row,
                            y > 0 ? row - pitch : nothing,
                            y > 1 ? row - 2 * pitch : nothing,
                            z > 0 ? back : nothing,
                            z > 0 && y > 0 ? back - pitch : nothing,
                            z > 0 && y + 1 < height ? back + pitch : nothing,
                            z > 1 ? far : nothing};
  return around;
}

voxz_status vx_walk_band(vx_task *task, const vx_profile *profile, vx_walk *walk, const uint32_t size[3], double *units, int32_t *known) {
  const vx_band *band = walk->band;
  const size_t pitch = (size_t)band->size[2] + 2 * VX_BESIDE, rows = (size_t)SLICES * band->size[1] + 1;
  int32_t *sizes, *signs;
  VX_NEW(task, sizes, rows * pitch);
  VX_NEW(task, signs, rows * pitch);
  walk->state = 0;
  walk->rows = sizes;
  walk->pitch = pitch;
  VX_TRY(profile->begin(task, profile->learner, walk));
  for (walk->z = 0; walk->z < band->size[0]; walk->z++)
    for (walk->y = 0; walk->y < band->size[1]; walk->y++) {
      const size_t place =
          ((size_t)(band->start[0] + walk->z) * size[1] + band->start[1] + walk->y) * size[2] + band->start[2];
      walk->sizes = rows_around(sizes, pitch, band->size[1], walk->z, walk->y);
      walk->signs = rows_around(signs, pitch, band->size[1], walk->z, walk->y);
      VX_TRY(profile->row(task, profile->learner, walk, units + place));
      memcpy(known + place, walk->signs.row, band->size[2] * sizeof *known);
    }
  if (profile->end) profile->end(profile->learner, walk, known);
  return VOXZ_OK;
}
