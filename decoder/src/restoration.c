/* Filters for what was decoded with loss: each voxel by the class of its neighbourhood, in whole units of 1/64 step. */

#include "filters.h"

#include <math.h>

enum {
  PAIRS = 21, TAPS = 2 * PAIRS + 1, UNITS = 64, CLIP = 16, ACTIVITIES = 6, DIRECTIONS = 5, CLASSES = (ACTIVITIES + 1) * DIRECTIONS,
  BESIDE = 3, /* margin along y and x; that along z is 1 */
  KINDS = 4   /* of second differences: along x, along y, falling, rising */
};

static const double LARGEST = 1 << 20;
static const int8_t OFFSETS[PAIRS][3] = {{0, 0, 1}, {0, 0, 2}, {0, 0, 3},  {0, 1, -2}, {0, 1, -1}, {0, 1, 0},  {0, 1, 1},
                                         {0, 1, 2}, {0, 2, -1}, {0, 2, 0}, {0, 2, 1},  {0, 3, 0},  {1, -1, -1}, {1, -1, 0},
                                         {1, -1, 1}, {1, 0, -1}, {1, 0, 0}, {1, 0, 1},  {1, 1, -1}, {1, 1, 0},  {1, 1, 1}};
static const int64_t BOUNDS[ACTIVITIES] = {32, 96, 240, 560, 1280, 3200};

/* Three slices of a volume in units with margins, as they were before any was filtered, and room for the sums of one. */
typedef struct restoring {
  const vx_filters *filters;
  uint32_t size[3];
  size_t pitch, slice; /* of rows and slices with margins */
  int32_t *slices, *rows;
  ptrdiff_t before[PAIRS], after[PAIRS]; /* from a voxel to those of each pair */
  double factor, scale;
} restoring;

voxz_status vx_read_restoration(vx_task *task, vx_bytes part, vx_filters *filters) {
  vx_side side = {part};
  VX_TRY(vx_read_filters(task, &side, CLASSES, TAPS, filters));
  VX_TRY(vx_side_end(task, &side));
  VX_CHECK(task, filters->count, "a brick announces filters and holds none");
  return VOXZ_OK;
}

/* Place of a row with margins, rows and slices beyond the ends being the nearest. */
static size_t nearest(size_t place, size_t margin, size_t count) {
  const size_t inside = place < margin ? 0 : place - margin;
  return inside < count ? inside : count - 1;
}

/* Slice z, counted from the one before the first, lies in the place that z mod 3 says. */
static int32_t *slice_at(const restoring *it, size_t z) { return it->slices + z % 3 * it->slice; }

static void fill_slice(const restoring *it, const double *volume, size_t z) {
  for (size_t y = 0; y < (size_t)it->size[1] + 2 * BESIDE; y++) {
    const double *from = volume + (nearest(z, 1, it->size[0]) * it->size[1] + nearest(y, BESIDE, it->size[1])) * it->size[2];
    int32_t *to = slice_at(it, z) + y * it->pitch;
    for (size_t x = 0; x < it->pitch; x++) {
      const double unit = floor(from[nearest(x, BESIDE, it->size[2])] * it->factor + 0.5);
      to[x] = (int32_t)(unit > LARGEST ? LARGEST : unit > -LARGEST ? unit : -LARGEST);
    }
  }
}

static void find_pairs(restoring *it, size_t z) {
  const int32_t *here = slice_at(it, z);
  for (unsigned k = 0; k < PAIRS; k++) {
    const ptrdiff_t inside = OFFSETS[k][1] * (ptrdiff_t)it->pitch + OFFSETS[k][2];
    const ptrdiff_t up = OFFSETS[k][0] ? slice_at(it, z - 1) - here : 0, down = OFFSETS[k][0] ? slice_at(it, z + 1) - here : 0;
    it->before[k] = up - inside;
    it->after[k] = down + inside;
  }
}

static int32_t second(const int32_t *at, ptrdiff_t apart) {
  const int32_t difference = 2 * at[0] - at[-apart] - at[apart];
  return difference < 0 ? -difference : difference;
}

/* Second differences around each voxel of a row of the slice with margins, summed over five columns. */
static void row_sums(const restoring *it, const int32_t *row, int32_t *sums) {
  const ptrdiff_t down = (ptrdiff_t)it->pitch, apart[KINDS] = {1, down, down + 1, down - 1};
  for (unsigned k = 0; k < KINDS; k++)
    for (size_t x = 0; x < it->size[2]; x++) {
      int32_t sum = 0;
      for (size_t i = 1; i < 6; i++) sum += second(row + x + i, apart[k]);
      sums[k * it->size[2] + x] = sum;
    }
}

/* The class of a voxel by its sums over 5 x 5 voxels. */
static unsigned class_of(const int64_t sums[KINDS]) {
  const int64_t x = sums[0], y = sums[1], falling = sums[2], rising = sums[3];
  const int64_t high = vx_max(x, y), low = vx_min(x, y), high_2 = vx_max(falling, rising), low_2 = vx_min(falling, rising);
  unsigned activity = 0, direction;
  for (unsigned k = 0; k < ACTIVITIES; k++) activity += x + y >= BOUNDS[k];
  if (high_2 * low > high * low_2)
    direction = high_2 > 2 * low_2 ? 3 + (falling > rising) : 0;
  else
    direction = high > 2 * low ? 1 + (x > y) : 0;
  return activity * DIRECTIONS + direction;
}

static int64_t clipped(int64_t difference) { return vx_clamp(difference, -CLIP, CLIP); }

static int64_t correction(const restoring *it, const int64_t *weights, const int32_t *here) {
  int64_t total = weights[TAPS - 1];
  for (unsigned k = 0; k < PAIRS; k++) {
    const int64_t before = here[it->before[k]] - *here, after = here[it->after[k]] - *here;
    total += weights[2 * k] * (before + after) + weights[2 * k + 1] * (clipped(before) + clipped(after));
  }
  return total;
}

static void restore_row(const restoring *it, const int32_t *units, size_t y, double *volume) {
  const size_t width = it->size[2], line = KINDS * width;
  for (size_t x = 0; x < width; x++) {
    int64_t sums[KINDS] = {0, 0, 0, 0};
    for (unsigned k = 0; k < KINDS; k++)
      for (size_t row = y; row < y + 5; row++) sums[k] += it->rows[row * line + k * width + x];
    const int64_t chosen = it->filters->of_class[class_of(sums)];
    if (chosen >= 0) volume[x] += (double)correction(it, it->filters->weights + chosen * TAPS, units + x) * it->scale;
  }
}

static void restore_slice(const restoring *it, size_t z, double *volume) {
  const int32_t *slice = slice_at(it, z + 1);
  for (size_t y = 0; y < (size_t)it->size[1] + 4; y++)
    row_sums(it, slice + (y + 1) * it->pitch, it->rows + y * KINDS * it->size[2]);
  for (size_t y = 0; y < it->size[1]; y++)
    restore_row(it, slice + (y + BESIDE) * it->pitch + BESIDE, y, volume + (z * it->size[1] + y) * it->size[2]);
}

voxz_status vx_restore(vx_task *task, const vx_filters *filters, const uint32_t size[3], double step, double *volume) {
  const size_t used = task->used;
  restoring it = {.filters = filters, .size = {size[0], size[1], size[2]}, .pitch = (size_t)size[2] + 2 * BESIDE};
  it.slice = ((size_t)size[1] + 2 * BESIDE) * it.pitch;
  it.factor = UNITS / step;
  it.scale = step / (double)(UNITS << filters->precision);
  VX_NEW(task, it.slices, 3 * it.slice);
  VX_NEW(task, it.rows, ((size_t)size[1] + 4) * KINDS * size[2]);
  fill_slice(&it, volume, 0);
  fill_slice(&it, volume, 1);
  for (size_t z = 0; z < size[0]; z++) {
    fill_slice(&it, volume, z + 2);
    find_pairs(&it, z + 1);
    restore_slice(&it, z, volume);
  }
  task->used = used;
  return VOXZ_OK;
}
