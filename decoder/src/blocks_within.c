/* Samples beside a block of side n are a line of 4 n + 1: from 2 n below its upper left corner up to that, then 2 n to the right. */

#include "blocks_within.h"

enum { BESIDE = 4 * VX_LARGEST + 1, ANGLES = 33, UPRIGHT = 16, ACROSS_ROWS = 8, ACROSS_COLUMNS = 24 };

typedef double line[BESIDE];

/* Shift from row to row, or from column to column before UPRIGHT, in 1/32 of a sample. */
static const int8_t SHIFTS[ANGLES] = {32,  26,  21,  17,  13, 9,  5,  2,  0, -2, -5, -9, -13, -17, -21, -26, -32,
                                      -26, -21, -17, -13, -9, -5, -2, 0,  2, 5,  9,  13, 17,  21,  26,  32};

/* By size: how far from these an angle has to be for samples beside the block to be smoothed. */
static const uint8_t SMOOTHED_FROM[VX_SIZES] = {9, 8, 2, 1};

/* Units of a column or a row of the map that are known from a place on, `most` at most. */
static size_t reach(const vx_block_slice *slice, size_t i, size_t j, int down, size_t most) {
  const size_t columns = vx_units(slice), left = down ? slice->height / VX_UNIT - i : columns - j, apart = down ? columns : 1;
  const uint8_t *known = slice->known + i * columns + j;
  size_t count = 0;
  while (count < most && count < left && known[count * apart]) count++;
  return count;
}

/* What is not known takes the value of the last one before it that is; 0 if none is. */
static void look_beside(const vx_block_slice *slice, size_t y, size_t x, size_t side, line beside) {
  const size_t corner = 2 * side, width = slice->width, i = y / VX_UNIT, j = x / VX_UNIT;
  const size_t left = x ? VX_UNIT * reach(slice, i, j - 1, 1, corner / VX_UNIT) : 0;
  const size_t top = y ? VX_UNIT * reach(slice, i - 1, j, 0, corner / VX_UNIT) : 0;
  const double *here = slice->samples + y * width + x;
  if (!left && !top) {
    for (size_t k = 0; k <= 2 * corner; k++) beside[k] = 0.0;
    return;
  }
  beside[corner] = left && top ? *(here - width - 1) : left ? *(here - 1) : *(here - width);
  for (size_t k = 0; k < corner; k++) {
    beside[corner - 1 - k] = k < left ? *(here + k * width - 1) : beside[corner - left];
    beside[corner + 1 + k] = k < top ? *(here - width + k) : beside[corner + top];
  }
}

static void smooth(const line beside, size_t side, line found) {
  const size_t last = 4 * side;
  found[0] = beside[0];
  found[last] = beside[last];
  for (size_t k = 1; k < last; k++) found[k] = 0.25 * beside[k - 1] + 0.5 * beside[k] + 0.25 * beside[k + 1];
}

/* Between the samples left of a block and above it, and the two at their ends. */
static void predict_plane(const line beside, size_t side, vx_square found) {
  const double *left = beside + 2 * side - 1, *top = beside + 2 * side + 1, share = 1.0 / (double)(2 * side);
  const double below = *(left - side), right = top[side];
  for (size_t y = 0; y < side; y++)
    for (size_t x = 0; x < side; x++) {
      const double across = (double)(side - 1 - x) * *(left - y) + (double)(x + 1) * right;
      const double down = (double)(side - 1 - y) * top[x] + (double)(y + 1) * below;
      found[y][x] = (across + down) * share;
    }
}

/* The mean of the samples left of a block and above it; its edges go over to these, but those of the largest. */
static void predict_mean(const line beside, size_t side, vx_square found) {
  const double *left = beside + 2 * side - 1, *top = beside + 2 * side + 1;
  double total = 0.0;
  for (size_t k = 0; k < side; k++) total += *(left - k) + top[k];
  const double mean = total * (1.0 / (double)(2 * side));
  for (size_t y = 0; y < side; y++)
    for (size_t x = 0; x < side; x++) found[y][x] = mean;
  if (side == VX_LARGEST) return;
  for (size_t k = 1; k < side; k++) {
    found[0][k] = 0.25 * top[k] + 0.75 * mean;
    found[k][0] = 0.25 * *(left - k) + 0.75 * mean;
  }
  found[0][0] = 0.25 * (*top + *left) + 0.5 * mean;
}

/* The samples that an angle starts from, from `side` before the corner on: one way from it, and behind it what lies the other way. */
static void unroll(const line beside, size_t side, int shift, int upright, line run) {
  const double *corner = beside + 2 * side;
  const ptrdiff_t way = upright ? 1 : -1;
  for (size_t k = 0; k <= 2 * side; k++) run[side + k] = corner[way * (ptrdiff_t)k];
  for (size_t k = 1; shift < 0 && k <= side; k++) {
    const size_t away = (64 * k + (size_t)-shift) / (2 * (size_t)-shift);
    run[side - k] = corner[-way * (ptrdiff_t)(away < 2 * side ? away : 2 * side)];
  }
}

static void predict_angle(const line beside, size_t side, unsigned number, vx_square found) {
  const int shift = SHIFTS[number], upright = number >= UPRIGHT;
  const double *corner = beside + 2 * side;
  line run;
  unroll(beside, side, shift, upright, run);
  for (size_t u = 0; u < side; u++) {
    const int64_t far = (int64_t)(u + 1) * shift;
    const double *from = run + (int64_t)side + 1 + vx_right(far, 5), part = (double)(far & 31) / 32.0;
    for (size_t v = 0; v < side; v++) {
      const double value = part > 0.0 ? (1.0 - part) * from[v] + part * from[v + 1] : from[v];
      *(upright ? &found[u][v] : &found[v][u]) = value;
    }
  }
  if (shift || side == VX_LARGEST) return;
  for (size_t k = 0; k < side; k++)
    if (upright)
      found[k][0] += 0.5 * (*(corner - 1 - k) - *corner);
    else
      found[0][k] += 0.5 * (corner[1 + k] - *corner);
}

void vx_predict_within(const vx_block_slice *slice, size_t y, size_t x, unsigned size, unsigned mode, vx_square found) {
  const size_t side = (size_t)VX_UNIT << size;
  const int number = (int)mode - VX_FIRST_ANGLE;
  line beside, smoothed;
  look_beside(slice, y, x, side, beside);
  smooth(beside, side, smoothed);
  if (mode == VX_PLANAR)
    predict_plane(size ? smoothed : beside, side, found);
  else if (mode == VX_MEAN)
    predict_mean(beside, side, found);
  else {
    const int64_t apart = vx_min(vx_magnitude(number - ACROSS_ROWS), vx_magnitude(number - ACROSS_COLUMNS));
    predict_angle(apart >= SMOOTHED_FROM[size] ? smoothed : beside, side, (unsigned)number, found);
  }
}
