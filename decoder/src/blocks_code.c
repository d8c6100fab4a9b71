#include "blocks_code.h"

#include "band.h"

enum { ANGLES = VX_ACROSS - VX_FIRST_ANGLE, USUAL = 5, OUTSIDE = 7, REST_BITS = 5 };

voxz_status vx_new_block_code(vx_task *task, vx_bytes stream, vx_block_code **code) {
  static const double FIRST_WEIGHTS[VX_FEATURES] = {0.15, 0.06, 0.06, 0.06, 0.4, 0.0}, FIRST_MEAN = 0.3;
  vx_block_code *it;
  VX_NEW(task, it, 1);
  VX_TRY(vx_new_odds(task, &it->odds));
  it->coder = vx_coder_of(stream.at, vx_bytes_left(&stream));
  uint32_t *counters = &it->counters.split_near[0][0][0];
  for (size_t i = 0; i < sizeof it->counters / sizeof *counters; i++) counters[i] = VX_UNDECIDED;
  double *weights = it->weights.split[0];
  for (size_t i = 0; i < sizeof it->weights / sizeof *weights; i++) weights[i] = VX_TRIPLE_START;
  double *means = it->means[0][0];
  for (size_t i = 0; i < sizeof it->means / sizeof *means; i++) means[i] = FIRST_MEAN;
  for (unsigned kind = 0; kind < VX_KINDS; kind++) memcpy(it->features[kind], FIRST_WEIGHTS, sizeof FIRST_WEIGHTS);
  for (unsigned i = 0; i <= VX_MOST_EXPECTED; i++) it->classes[i] = (uint8_t)vx_min(vx_bin(i), VX_EXPECTED_CLASSES - 1);
  *code = it;
  return VOXZ_OK;
}

static unsigned decide(vx_block_code *it, uint32_t *a, uint32_t *b, uint32_t *c, double weights[3]) {
  return vx_triple_bit(&it->coder, it->odds, a, b, c, weights);
}

/* Entries of the maps to the left of a block and above it; NULL outside. */
static const uint8_t *left_of(const vx_block_slice *slice, const uint8_t *map, size_t y, size_t x) {
  return x ? map + y / VX_UNIT * vx_units(slice) + x / VX_UNIT - 1 : NULL;
}

static const uint8_t *above(const vx_block_slice *slice, const uint8_t *map, size_t y, size_t x) {
  return y ? map + (y / VX_UNIT - 1) * vx_units(slice) + x / VX_UNIT : NULL;
}

unsigned vx_block_is_split(vx_block_code *it, const vx_block_slice *slice, size_t y, size_t x, unsigned size) {
  const uint8_t *west = left_of(slice, slice->sizes, y, x), *north = above(slice, slice->sizes, y, x);
  const unsigned left = west ? *west : VX_SIZES, up = north ? *north : VX_SIZES;
  vx_block_counters *by = &it->counters;
  uint32_t *near = &by->split_near[size][west ? left < size : 2][north ? up < size : 2];
  return decide(it, near, &by->split_sizes[size][left][up], &by->split_kind[size][slice->kind], it->weights.split[size]);
}

/* Whether other slices predict a block. */
static unsigned is_across(vx_block_code *it, const vx_block_slice *slice, size_t y, size_t x, unsigned size) {
  const uint8_t *west = left_of(slice, slice->modes, y, x), *north = above(slice, slice->modes, y, x);
  const unsigned left = west ? *west == VX_ACROSS : 2, up = north ? *north == VX_ACROSS : 2;
  const unsigned before = slice->modes_before[y / VX_UNIT * vx_units(slice) + x / VX_UNIT] == VX_ACROSS;
  vx_block_counters *by = &it->counters;
  return decide(it, &by->across_near[left][up][size], &by->across_before[left][up][before], &by->across_kind[size][slice->kind],
                it->weights.across);
}

/* The mode of a block beside another, as a candidate. */
static unsigned mode_near(const uint8_t *mode) { return !mode ? VX_MEAN : *mode == VX_ACROSS ? VX_PLANAR : *mode; }

/* The angle so many steps on, all round. */
static unsigned turned(unsigned mode, unsigned steps) { return VX_FIRST_ANGLE + (mode - VX_FIRST_ANGLE + steps) % ANGLES; }

static void add_candidate(unsigned mode, unsigned found[VX_CANDIDATES], unsigned *count) {
  for (unsigned k = 0; k < *count; k++)
    if (found[k] == mode) return;
  if (*count < VX_CANDIDATES) found[(*count)++] = mode;
}

/* The candidates of a block; whether those to the left and above are alike. */
static unsigned find_candidates(const vx_block_slice *slice, size_t y, size_t x, unsigned found[VX_CANDIDATES]) {
  static const uint8_t OF_USUAL[USUAL] = {24, 8, 0, 16, 32};
  const unsigned left = mode_near(left_of(slice, slice->modes, y, x)), up = mode_near(above(slice, slice->modes, y, x));
  const size_t here = y / VX_UNIT * vx_units(slice) + x / VX_UNIT;
  unsigned count = 0;
  add_candidate(left, found, &count);
  add_candidate(up, found, &count);
  add_candidate(slice->kind == VX_ALONE ? VX_PLANAR : mode_near(slice->modes_before + here), found, &count);
  add_candidate(VX_PLANAR, found, &count);
  add_candidate(VX_MEAN, found, &count);
  for (unsigned k = 0; k < 2; k++) {
    const unsigned from = k ? up : left;
    if (from < VX_FIRST_ANGLE) continue;
    add_candidate(turned(from, ANGLES - 1), found, &count);
    add_candidate(turned(from, 1), found, &count);
  }
  for (unsigned k = 0; k < USUAL; k++) add_candidate(VX_FIRST_ANGLE + OF_USUAL[k], found, &count);
  return left == up;
}

/* The mode of this number among those that are no candidates; numbers beyond are a plane's. */
static unsigned mode_of_rank(unsigned rank, const unsigned candidates[VX_CANDIDATES]) {
  for (unsigned mode = 0; mode < VX_ACROSS; mode++) {
    unsigned k = 0;
    while (k < VX_CANDIDATES && candidates[k] != mode) k++;
    if (k == VX_CANDIDATES && !rank--) return mode;
  }
  return VX_PLANAR;
}

unsigned vx_block_mode(vx_block_code *it, const vx_block_slice *slice, size_t y, size_t x, unsigned size) {
  const unsigned others = slice->kind != VX_ALONE;
  vx_block_counters *by = &it->counters;
  unsigned candidates[VX_CANDIDATES], found = 1;
  if (others && is_across(it, slice, y, x, size)) return VX_ACROSS;
  const unsigned alike = find_candidates(slice, y, x, candidates), flat = candidates[0] < VX_FIRST_ANGLE;
  for (unsigned k = 0; k < VX_CANDIDATES; k++) {
    const unsigned mode = candidates[k], sort = mode < VX_FIRST_ANGLE ? mode : VX_FIRST_ANGLE;
    if (decide(it, &by->candidate_size[k][alike][size], &by->candidate_mode[k][mode][others], &by->candidate_flat[k][sort][flat],
               it->weights.candidate[k]))
      return mode;
  }
  for (unsigned k = 0; k < REST_BITS; k++)
    found = 2 * found + decide(it, &by->rest[found], &by->rest_size[size][found], &by->rest_flat[flat][found], it->weights.rest);
  return mode_of_rank(found - VX_REST, candidates);
}

static unsigned bits_of(unsigned number) {
  unsigned bits = 0;
  while (number >> bits) bits++;
  return bits;
}

/* Bits of the diagonals of the block at an entry of the maps, at the scale of another one's size. */
static unsigned last_near(const uint8_t *last, const uint8_t *near, unsigned size) {
  return last ? (unsigned)vx_min(bits_of(((unsigned)*last << size) >> *near), VX_CLASSES - 1) : OUTSIDE;
}

unsigned vx_block_last(vx_block_code *it, const vx_block_slice *slice, size_t y, size_t x, unsigned size, unsigned mode) {
  const unsigned left = last_near(left_of(slice, slice->lasts, y, x), left_of(slice, slice->sizes, y, x), size);
  const unsigned up = last_near(above(slice, slice->lasts, y, x), above(slice, slice->sizes, y, x), size);
  const unsigned kind = vx_kind_of(size, mode), sort = mode == VX_ACROSS ? 3 : mode < VX_FIRST_ANGLE ? mode : VX_FIRST_ANGLE;
  vx_block_counters *by = &it->counters;
  unsigned length = 0, found = 1;
  while (length < VX_CLASSES - 1 && decide(it, &by->last_near[kind][length][left][up], &by->last_sum[kind][length][left + up],
                                           &by->last_mode[kind][length][sort], it->weights.last[kind][length]))
    length++;
  if (!length) return 0;
  for (unsigned k = 1; k < length; k++)
    found = 2 * found + decide(it, &by->low[kind][length][found], &by->low_near[length][found][left], &by->low_class[length][found],
                               it->weights.low[length]);
  return found;
}
