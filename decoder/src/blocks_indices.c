/* Indices of a block, from the highest diagonal that has any down to the mean. Each is decided bit by bit, by the magnitudes around it
   in its block and at its frequency in the blocks beside. */

#include "band.h"
#include "blocks_code.h"

enum { LONGEST = 14, MOST_COUNTED = 10 };

/* How fast the weights and the means of the expected magnitude learn. */
static const double FOLLOW = 0.004, FOLLOW_MEAN = 0.02;

static unsigned frequency_class(unsigned diagonal, unsigned side) {
  return diagonal == 0 ? 0 : diagonal <= 2 ? 1 : diagonal < side / 2 ? 2 : diagonal < side ? 3 : 4;
}

/* How many of some bounds a sum has reached. */
static unsigned reached(unsigned sum, const uint8_t *bounds, unsigned count) {
  unsigned found = 0;
  while (found < count && sum >= bounds[found]) found++;
  return found;
}

static unsigned around_class(unsigned sum) {
  static const uint8_t BOUNDS[VX_AROUND_CLASSES - 1] = {1, 2, 3, 4, 5, 7, 9, 12, 16};
  return reached(sum, BOUNDS, VX_AROUND_CLASSES - 1);
}

static unsigned beside_class(unsigned sum) {
  static const uint8_t BOUNDS[VX_BESIDE_CLASSES - 1] = {1, 2, 3, 4, 6, 9, 14};
  return reached(sum, BOUNDS, VX_BESIDE_CLASSES - 1);
}

/* A magnitude, of so much at most. */
static unsigned counted(int32_t index, unsigned most) {
  const unsigned size = (unsigned)vx_magnitude(index);
  return size < most ? size : most;
}

/* A magnitude around a coefficient, so many rows and columns on; 0 outside the block. */
static unsigned around(const int32_t *index, size_t width, unsigned row, unsigned column, unsigned side, unsigned down, unsigned right) {
  return row + down < side && column + right < side ? counted(index[down * width + right], 4) : 0;
}

/* The magnitude at the frequency of a coefficient in the block that covers a place. */
static unsigned beside(const vx_block_slice *slice, size_t y, size_t x, unsigned row, unsigned column, unsigned size) {
  const unsigned other = slice->sizes[y / VX_UNIT * vx_units(slice) + x / VX_UNIT];
  const size_t mask = ((size_t)VX_UNIT << other) - 1;
  const size_t i = (y & ~mask) + ((row << other) >> size), j = (x & ~mask) + ((column << other) >> size);
  return counted(slice->indices[i * slice->width + j], 15);
}

static double expect(const double weights[VX_FEATURES], const double features[VX_FEATURES]) {
  double total = 0.0;
  for (unsigned k = 0; k < VX_FEATURES; k++) total += weights[k] * features[k];
  return total;
}

static void learn(double weights[VX_FEATURES], const double features[VX_FEATURES], double miss) {
  double size = 0.3;
  for (unsigned k = 0; k < VX_FEATURES; k++) size += features[k] * features[k];
  const double rate = FOLLOW * miss / size;
  for (unsigned k = 0; k < VX_FEATURES; k++) weights[k] += rate * features[k];
}

/* Classes that choose the counters of a magnitude. */
typedef struct classes {
  unsigned kind, beside, around, place, row, column, expected;
} classes;

static uint64_t take_size(vx_block_code *it, const classes *of) {
  uint64_t size = 0;
  for (;;) {
    const size_t depth = size < VX_DECISIONS ? (size_t)size : VX_DECISIONS - 1;
    uint32_t *a = &it->counters.by_beside[of->beside][of->around][of->place][depth];
    uint32_t *b = &it->counters.by_frequency[of->kind][of->row][of->column][depth];
    uint32_t *c = &it->counters.by_expected[of->expected][of->place][depth];
    if (!vx_triple_bit(&it->coder, it->odds, a, b, c, it->weights.size[of->kind][depth])) return size;
    if (++size == LONGEST) return size + vx_beyond(&it->coder);
  }
}

/* An index, of which `here` is the place. */
static voxz_status take_index(vx_task *task, vx_block_code *it, const vx_block_slice *slice, size_t y, size_t x, unsigned size, unsigned kind,
                              unsigned row, unsigned column, int32_t *here) {
  const unsigned side = VX_UNIT << size, finer = VX_SIZES - 1 - size, halved = size == VX_SIZES - 1;
  const size_t width = slice->width;
  const unsigned near = around(here, width, row, column, side, 0, 1) + around(here, width, row, column, side, 1, 0);
  const unsigned far = around(here, width, row, column, side, 1, 1) + around(here, width, row, column, side, 0, 2) +
                       around(here, width, row, column, side, 2, 0);
  const unsigned left = x ? beside(slice, y + side / 2, x - 1, row, column, size) : 0;
  const unsigned up = y ? beside(slice, y - 1, x + side / 2, row, column, size) : 0;
  double *mean = &it->means[kind][row << finer][column << finer], *weights = it->features[kind];
  const double features[VX_FEATURES] = {near, far, left < 6 ? left : 6, up < 6 ? up : 6, *mean, 0.05};
  const double likely = expect(weights, features), held = likely > 0.0 ? likely : 0.0;
  const unsigned expected = it->classes[(unsigned)((held < 64.0 ? held : 64.0) * 32.0)];
  const classes of = {kind, beside_class(left + up), around_class(near + far), frequency_class(row + column, side),
                      row >> halved, column >> halved, expected};
  const uint64_t found = take_size(it, &of);
  VX_CHECK(task, found >> VX_MOST_BITS == 0, "the blocks of a brick are damaged");
  const double most = (double)(found < MOST_COUNTED ? found : MOST_COUNTED);
  learn(weights, features, most - likely);
  *mean += FOLLOW_MEAN * (most - *mean);
  if (found) *here = vx_bit(&it->coder, 1u << 15) ? -(int32_t)found : (int32_t)found;
  return VOXZ_OK;
}

voxz_status vx_block_indices(vx_task *task, vx_block_code *it, vx_block_slice *slice, size_t y, size_t x, unsigned size, unsigned mode,
                             unsigned last) {
  const unsigned side = VX_UNIT << size, kind = vx_kind_of(size, mode);
  for (unsigned diagonal = last; diagonal-- > 0;) {
    VX_CHECK(task, it->coder.position <= it->coder.size, "the blocks of a brick end early");
    const unsigned bottom = diagonal < side ? diagonal : side - 1;
    for (unsigned row = diagonal < side ? 0 : diagonal - side + 1; row <= bottom; row++) {
      const unsigned column = diagonal - row;
      int32_t *here = slice->indices + (y + row) * slice->width + x + column;
      VX_TRY(take_index(task, it, slice, y, x, size, kind, row, column, here));
    }
  }
  return VOXZ_OK;
}
