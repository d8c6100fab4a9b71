#include "labels.h"

enum { LEFT = 3, TOP = 4, BOTTOM = 2, RUN_LIMIT = 200, PATTERN_LIMIT = 255, HISTORY = 15 };

/* Where a row is: its first voxel, and offsets to the same voxel one row up and in the slice before. */
typedef struct line {
  int64_t base, width, row, before;
} line;

static int64_t row_of(const int64_t sizes[4]) { return sizes[3] + 2 * LEFT; }
static int64_t area_of(const int64_t sizes[4]) { return row_of(sizes) * (sizes[2] + TOP + BOTTOM); }

int64_t vx_padded_labels(const int64_t sizes[4]) { return sizes[0] * sizes[1] * area_of(sizes); }

int64_t vx_label_row(const int64_t sizes[4], int64_t slice, int64_t y) {
  return slice * area_of(sizes) + (TOP + y) * row_of(sizes) + LEFT;
}

/* Offsets of the neighbours, most telling first; B is the slice before, C the one beyond. */
static void place_neighbours(vx_labels *of, int64_t row, int64_t b, int64_t c) {
  const int64_t offsets[VX_LABEL_NEIGHBOURS] = {
      -1,          -row,        b,           1 - row,      -1 - row,     b + 1,    b + row, b - 1,   b - row, -2,
      -2 * row,    b + row + 1, b + row - 1, b - row + 1,  b - row - 1,  c,        2 - row, 1 - 2 * row, -1 - 2 * row, -2 - row,
      c + 1,       c + row,     c - 1,       c - row,      b + 2,        b + 2 * row, -3,   -3 * row, 3 - row, b - 2};
  memcpy(of->offsets, offsets, sizeof offsets);
}

/* Whether all finished neighbours around a voxel are equal. */
static int is_quiet(const vx_labels *of, const line *at, int64_t x) {
  const int32_t *i = of->ids + at->base + x, *b = i + at->before, north = i[-at->row];
  return north == i[-at->row - 1] && north == i[-at->row + 1] && north == b[0] && north == b[-1] && north == b[1] &&
         north == b[-at->row] && north == b[at->row];
}

static unsigned length_of(uint64_t value) {
  unsigned bits = 0;
  while (value >> bits) bits++;
  return bits;
}

/* How many of a run's voxels equal the one before it; -1 for damage. */
static int64_t decode_run(vx_labels *of, int64_t i, int64_t count) {
  int64_t same = count;
  if (!vx_counted_bit(&of->coder, &of->runs[of->mode][length_of((uint64_t)count)], RUN_LIMIT)) {
    same = (int64_t)vx_plain_bits(&of->coder.bits, length_of((uint64_t)count - 1));
    if (same >= count) return -1;
  }
  for (int64_t k = 0; k < same; k++) of->ids[i + k] = of->ids[i - 1];
  return same;
}

/* What two of west, north and before agree on; else west or, beside another edge, north. */
static int32_t candidate_of(const int32_t *i, const line *at) {
  const int32_t west = i[-1], north = i[-at->row], behind = i[at->before];
  if (west == north || west == behind) return west;
  return north == behind || north == i[1 - at->row] ? north : west;
}

static unsigned pattern_of(const vx_labels *of, int64_t i, int32_t candidate) {
  unsigned pattern = 0;
  for (unsigned k = 0; k < VX_LABEL_PATTERN; k++) pattern |= (unsigned)(of->ids[i + of->offsets[k]] == candidate) << k;
  return pattern;
}

/* A voxel that no run covers. */
static int decode_one(vx_labels *of, int64_t i, const line *at, int64_t certain) {
  const int32_t candidate = candidate_of(of->ids + i, at);
  vx_counter *counter = &of->patterns[of->mode][pattern_of(of, i, candidate)];
  if (counter->chance >= certain) {
    of->ids[i] = candidate;
    return vx_counted_bit(&of->coder, counter, PATTERN_LIMIT) || vx_label_voxel(of, i, candidate, 1);
  }
  if (!vx_label_voxel(of, i, candidate, 0)) return 0;
  vx_counter_learn(counter, of->ids[i] == candidate, PATTERN_LIMIT);
  return 1;
}

/* How the row has followed another one: 0 not put to the test, 1 edge by edge, 2 not. */
static unsigned follow(unsigned state, int32_t here, int32_t west, int32_t other) {
  if (here != other) return 2;
  return state == 0 && here != west ? 1 : state;
}

static int decode_row(vx_labels *of, const line *at, const uint8_t *quiet, int64_t certain) {
  unsigned north = 0, behind = 0;
  of->row_state = 0;
  for (int64_t x = 0; x < at->width; x++) {
    int64_t i = at->base + x;
    if (quiet[x] && of->ids[i - 1] == of->ids[i - at->row]) {
      const int32_t candidate = of->ids[i - 1];
      int64_t count = 1;
      while (quiet[x + count]) count++;
      const int64_t same = decode_run(of, i, count);
      if (same < 0) return 0;
      x += same;
      if (same == count) {
        x--;
        continue;
      }
      i = at->base + x;
      if (!vx_label_voxel(of, i, candidate, 1)) return 0;
    } else if (!decode_one(of, i, at, certain)) {
      return 0;
    }
    const int32_t *here = of->ids + i;
    north = follow(north, here[0], here[-1], here[-at->row]);
    behind = follow(behind, here[0], here[-1], here[at->before]);
    of->row_state = north + 3 * behind;
  }
  return 1;
}

/* Whether a row repeats another: 0 no, 1 yes, 2 yes, and all of it is quiet. */
static unsigned decode_repeat(vx_labels *of, const line *at, const uint8_t *quiet, unsigned history, int64_t other) {
  int flat = 1;
  for (int64_t x = 0; x < at->width; x++) flat = flat && quiet[x];
  if (!vx_counted_bit(&of->coder, &of->same[history * VX_LABEL_MODES + of->mode][flat], PATTERN_LIMIT)) return 0;
  for (int64_t x = 0; x < at->width; x++) of->ids[at->base + x] = of->ids[at->base + other + x];
  return flat ? 2 : 1;
}

/* Left of a row stands the voxel north of its first, until it is finished: then its own first, and right of it its last. */
static void fill_left(vx_labels *of, const line *at, int32_t id) {
  for (int64_t x = 1; x <= LEFT; x++) of->ids[at->base - x] = id;
}

static void close_row(vx_labels *of, const line *at) {
  fill_left(of, at, of->ids[at->base]);
  for (int64_t x = 0; x < LEFT; x++) of->ids[at->base + at->width + x] = of->ids[at->base + at->width - 1];
}

static void copy_row(vx_labels *of, int64_t to, int64_t from, int64_t row) {
  memcpy(of->ids + to, of->ids + from, (size_t)row * sizeof *of->ids);
}

static int decode_slice(vx_labels *of, const int64_t sizes[4], line *at, int64_t start, int64_t beyond, int64_t certain, int repeats,
                        uint8_t *quiet) {
  unsigned history = 0;
  for (int64_t y = 0; y < sizes[2]; y++) {
    at->base = start + (TOP + y) * at->row + LEFT;
    fill_left(of, at, of->ids[at->base - at->row]);
    for (int64_t x = 0; x < at->width; x++) quiet[x] = (uint8_t)is_quiet(of, at, x);
    const unsigned same = repeats ? decode_repeat(of, at, quiet, history, of->mode == 3 ? beyond : at->before) : 0;
    if (repeats && same < 2) history = (2 * history + same) & HISTORY;
    if (same == 0 && !decode_row(of, at, quiet, certain)) return 0;
    close_row(of, at);
    if (of->coder.bits.position > of->coder.bits.size) return 0;
  }
  return 1;
}

int vx_walk_labels(vx_labels *of, const int64_t sizes[4], int64_t certain, int repeats, uint8_t *quiet) {
  const int64_t area = area_of(sizes), depth = sizes[1];
  line at = {0, sizes[3], row_of(sizes), 0};
  for (int64_t number = 0; number < sizes[0] * depth; number++) {
    const int64_t start = number * area, last = start + (TOP + sizes[2] - 1) * at.row;
    of->mode = (unsigned)(number >= depth ? 3 : vx_min(number, 2));
    at.before = of->mode > 0 ? -area : -3 * at.row;
    const int64_t beyond = of->mode == 2 ? -2 * area : of->mode == 3 ? -area * depth : at.before;
    if (of->mode == 3 && number % depth == 0) at.before = beyond;
    place_neighbours(of, at.row, at.before, beyond);
    for (int64_t y = 0; y < TOP && of->mode > 0; y++) copy_row(of, start + y * at.row, start + TOP * at.row + at.before, at.row);
    if (!decode_slice(of, sizes, &at, start, beyond, certain, repeats, quiet)) return 0;
    for (int64_t y = 1; y <= BOTTOM; y++) copy_row(of, last + y * at.row, last, at.row);
  }
  return 1;
}
