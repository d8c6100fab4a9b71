/* Constant background of a brick: values that are common, where they make up squares in the slices.

   As in the wavelet codec, but found, not read: previews of bricks without a low resolution must not average across its border. */

#include "numbers.h"
#include "reduce.h"

enum { SAMPLED = 1 << 16, MOST_CONSTANTS = 3, SIDES = 6 };

static const unsigned SIDE[SIDES] = {3, 5, 8, 12, 20, 32};
static const double COMMON = 0.01, RAGGED[2] = {0.17, 0.3};

/* Masks are (volumes, z, y, x). */
typedef struct shape {
  size_t volumes, z, y, x;
} shape;

static size_t places_of(const shape *of) { return of->volumes * of->z * of->y * of->x; }

/* Ascending; what is no number is last. */
static int is_before(double a, double b) { return a < b || (a == a && b != b); }

static void sift(double *values, size_t at, size_t count) {
  const double moved = values[at];
  for (size_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && is_before(values[child], values[child + 1])) child++;
    if (!is_before(moved, values[child])) break;
    values[at] = values[child];
  }
  values[at] = moved;
}

static void sort(double *values, size_t count) {
  for (size_t i = count / 2; i-- > 0;) sift(values, i, count);
  for (size_t end = count; end-- > 1;) {
    const double largest = values[0];
    values[0] = values[end];
    values[end] = largest;
    sift(values, 0, end);
  }
}

static int is_same(double a, double b) { return a == b || (a != a && b != b); }

/* The most common of sorted values, the smaller first where they are alike; returns how many are common enough. */
static unsigned most_common(const double *sorted, size_t count, double values[MOST_CONSTANTS]) {
  size_t counts[MOST_CONSTANTS] = {0, 0, 0};
  double found[MOST_CONSTANTS] = {0, 0, 0};
  unsigned kept = 0;
  for (size_t i = 0, end; i < count; i = end) {
    for (end = i + 1; end < count && is_same(sorted[end], sorted[i]);) end++;
    unsigned place = MOST_CONSTANTS;
    while (place > 0 && end - i > counts[place - 1]) place--;
    for (unsigned k = MOST_CONSTANTS - 1; k > place; k--) counts[k] = counts[k - 1], found[k] = found[k - 1];
    if (place < MOST_CONSTANTS) counts[place] = end - i, found[place] = sorted[i];
  }
  for (unsigned k = 0; k < MOST_CONSTANTS; k++)
    if (counts[k] > 0 && (double)counts[k] >= COMMON * (double)count && vx_is_finite(found[k])) values[kept++] = found[k];
  return kept;
}

/* Candidates among some samples of the first channel. */
static voxz_status common_values(vx_task *task, const vx_brick *brick, const double *numbers, double values[MOST_CONSTANTS], unsigned *count) {
  const size_t places = (size_t)brick->z * brick->y * brick->x, first = brick->series * places, stride = first / SAMPLED | 1;
  const size_t used = task->used, sampled = (first - 1) / stride + 1;
  double *some;
  VX_NEW(task, some, sampled);
  for (size_t i = 0; i < sampled; i++) {
    const size_t at = i * stride;
    some[i] = numbers[at / places * brick->channels * places + at % places];
  }
  sort(some, sampled);
  *count = most_common(some, sampled, values);
  task->used = used;
  return VOXZ_OK;
}

/* Keep runs of at least `side` along a line of places that are `apart`. */
static void keep_runs(uint8_t *line, size_t length, size_t apart, unsigned side) {
  size_t begin = 0;
  for (size_t i = 0; i <= length; i++) {
    if (i < length && line[i * apart]) continue;
    if (i - begin < side)
      for (size_t k = begin; k < i; k++) line[k * apart] = 0;
    begin = i + 1;
  }
}

/* What is made of runs along y, and of that what is made of runs along x. */
static void open_mask(const shape *of, unsigned side, uint8_t *mask) {
  for (size_t slice = 0; slice < of->volumes * of->z; slice++) {
    uint8_t *first = mask + slice * of->y * of->x;
    for (size_t x = 0; x < of->x; x++) keep_runs(first + x, of->y, of->x, side);
    for (size_t y = 0; y < of->y; y++) keep_runs(first + y * of->x, of->x, 1, side);
  }
}

static uint64_t count_mask(const uint8_t *mask, size_t places) {
  uint64_t count = 0;
  for (size_t i = 0; i < places; i++) count += mask[i];
  return count;
}

/* Neighbours along z, y and x that differ. */
static uint64_t count_changes(const shape *of, const uint8_t *mask) {
  uint64_t changes = 0;
  for (size_t v = 0; v < of->volumes; v++)
    for (size_t z = 0; z < of->z; z++)
      for (size_t y = 0; y < of->y; y++)
        for (size_t x = 0; x < of->x; x++, mask++) {
          if (z > 0) changes += mask[0] != *(mask - of->y * of->x);
          if (y > 0) changes += mask[0] != *(mask - of->x);
          if (x > 0) changes += mask[0] != mask[-1];
        }
  return changes;
}

/* The part of `where` that is made of squares and not ragged; nothing if that is not common. Returns its count. */
static voxz_status make_solid(vx_task *task, const shape *of, const uint8_t *where, uint8_t *solid, uint64_t *found) {
  const size_t places = places_of(of), used = task->used;
  uint8_t *mask;
  *found = 0;
  VX_NEW(task, mask, places);
  for (unsigned k = 0; k < SIDES; k++) {
    memcpy(mask, where, places);
    open_mask(of, SIDE[k], mask);
    const uint64_t count = count_mask(mask, places);
    if ((double)count < COMMON * (double)places) break;
    const double changes = (double)count_changes(of, mask);
    const int smooth = changes <= RAGGED[0] * (double)count;
    if (smooth || (!*found && changes <= RAGGED[1] * (double)count)) {
      memcpy(solid, mask, places);
      *found = count;
    }
    if (smooth) break;
  }
  task->used = used;
  return VOXZ_OK;
}

/* Where all channels have a value. */
static void find_value(const vx_brick *brick, const double *numbers, double value, uint8_t *each) {
  const size_t places = (size_t)brick->z * brick->y * brick->x;
  memset(each, 1, brick->series * places);
  for (size_t s = 0; s < brick->series; s++)
    for (size_t c = 0; c < brick->channels; c++)
      for (size_t i = 0; i < places; i++) each[s * places + i] &= *numbers++ == value;
}

/* Add where a value is background: in each volume, if that is notably more than what is in all. */
static voxz_status add_constant(vx_task *task, const vx_brick *brick, const double *numbers, double value, uint8_t *mask) {
  const shape one = {1, brick->z, brick->y, brick->x}, all = {brick->series, brick->z, brick->y, brick->x};
  const size_t places = places_of(&one), used = task->used;
  uint64_t always, varying = 0;
  uint8_t *each, *solid, *shared, *found;
  VX_NEW(task, each, places_of(&all));
  VX_NEW(task, solid, places_of(&all));
  VX_NEW(task, shared, places);
  VX_NEW(task, found, places);
  find_value(brick, numbers, value, each);
  memset(shared, 1, places);
  for (size_t i = 0; i < places_of(&all); i++) shared[i % places] &= each[i];
  VX_TRY(make_solid(task, &one, shared, found, &always));
  if (brick->series > 1) VX_TRY(make_solid(task, &all, each, solid, &varying));
  const int varies = varying > 0 && (double)varying - (double)(brick->series * always) >= COMMON * (double)places_of(&all);
  for (size_t i = 0; i < places_of(&all); i++) mask[i] |= varies ? solid[i] : always ? found[i % places] : 0;
  task->used = used;
  return VOXZ_OK;
}

voxz_status vx_find_background(vx_task *task, const vx_brick *brick, const double *numbers, uint8_t *mask) {
  double values[MOST_CONSTANTS];
  unsigned count = 0;
  if (brick->y < SIDE[0] || brick->x < SIDE[0]) return VOXZ_OK;
  VX_TRY(common_values(task, brick, numbers, values, &count));
  for (unsigned k = 0; k < count; k++) VX_TRY(add_constant(task, brick, numbers, values[k], mask));
  return VOXZ_OK;
}
