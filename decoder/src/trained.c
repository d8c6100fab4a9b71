/* Pyramids of trained transforms: a box of a scale was split along x, its halves along y, the quarters along z. */

#include "trained_step.h"

#include <math.h>

enum { MOST_SPLITS = 7 };

static const double LOW_97 = 1.1397639386376850, HIGH_97 = 0.88727710760788740;

/* By way of sharing, the set of each kind of split: along x; y of what is low, high along x; z of low, x high, y high, both. */
static const uint8_t SHARED[VX_SHARINGS][7] = {
    {0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 1, 1, 1, 1}, {0, 0, 1, 2, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6}};

/* A split of a box along an axis; `orientation` has the axes along which the box is high already. */
typedef struct split {
  unsigned axis, orientation;
  uint32_t start[3], size[3];
} split;

static unsigned kind_of(const split *of) {
  const unsigned x = of->orientation >> 2 & 1, y = of->orientation >> 1 & 1;
  return of->axis == 2 ? 0 : of->axis == 1 ? 1 + x : 3 + x + 2 * y;
}

static int is_empty(const split *box) { return !box->size[0] || !box->size[1] || !box->size[2]; }

/* All splits of a scale, in the order in which they were made. */
static unsigned splits_of(const vx_pyramid *pyramid, unsigned scale, split splits[MOST_SPLITS]) {
  split boxes[8] = {{0, 0, {0, 0, 0}, {0, 0, 0}}};
  unsigned box_count = 1, count = 0;
  uint32_t full[3];
  vx_lowest(pyramid, scale, full);
  memcpy(boxes[0].size, full, sizeof full);
  for (unsigned axis = 3; axis-- > 0;) {
    if (scale >= pyramid->scales[axis] || full[axis] < 2) continue;
    const unsigned before = box_count;
    for (unsigned i = 0; i < before; i++) {
      if (is_empty(&boxes[i])) continue;
      boxes[i].axis = axis;
      splits[count++] = boxes[i];
      split *high = &boxes[box_count++];
      *high = boxes[i];
      const uint32_t lows = (boxes[i].size[axis] + 1) / 2;
      high->orientation |= 1u << axis;
      high->start[axis] += lows;
      high->size[axis] -= lows;
      boxes[i].size[axis] = lows;
    }
  }
  return count;
}

/* Row z, y of a half within the volume: halves lie behind each other, or interleaved. */
static double *place_of_row(const vx_pyramid *pyramid, double *volume, const split *of, unsigned odd, int interleaved, size_t z, size_t y,
                            size_t *stride) {
  const size_t step = interleaved ? 2 : 1, lows = (of->size[of->axis] + 1) / 2, first = interleaved ? odd : odd * lows;
  size_t at[3] = {z, y, 0};
  at[of->axis] = first + step * at[of->axis];
  *stride = of->axis == 2 ? step : 1;
  return volume + ((of->start[0] + at[0]) * pyramid->size[1] + of->start[1] + at[1]) * pyramid->size[2] + of->start[2] + at[2];
}

/* The halves from the volume, times the inverse of their factors. */
static voxz_status take_halves(vx_task *task, const vx_pyramid *pyramid, const split *of, double *volume, vx_half halves[2]) {
  for (unsigned odd = 0; odd < 2; odd++) {
    vx_half *half = &halves[odd];
    const double factor = pyramid->transform->reversible ? 1.0 : 1.0 / (odd ? HIGH_97 : LOW_97);
    memcpy(half->size, of->size, sizeof half->size);
    half->size[of->axis] = (of->size[of->axis] + 1 - odd) / 2;
    VX_NEW(task, half->values, (uint64_t)half->size[0] * half->size[1] * half->size[2]);
    double *to = half->values;
    for (size_t z = 0; z < half->size[0]; z++)
      for (size_t y = 0; y < half->size[1]; y++) {
        size_t stride;
        const double *from = place_of_row(pyramid, volume, of, odd, 0, z, y, &stride);
        for (size_t x = 0; x < half->size[2]; x++) *to++ = from[x * stride] * factor;
      }
  }
  return VOXZ_OK;
}

static void put_halves(const vx_pyramid *pyramid, const split *of, double *volume, const vx_half halves[2]) {
  for (unsigned odd = 0; odd < 2; odd++) {
    const vx_half *half = &halves[odd];
    const double *from = half->values;
    for (size_t z = 0; z < half->size[0]; z++)
      for (size_t y = 0; y < half->size[1]; y++) {
        size_t stride;
        double *to = place_of_row(pyramid, volume, of, odd, 1, z, y, &stride);
        for (size_t x = 0; x < half->size[2]; x++) to[x * stride] = *from++;
      }
  }
}

/* Take a step's filter away from a half. */
static voxz_status undo_filter(vx_task *task, const vx_source *source, const double *filter, int rounding, vx_half *target) {
  double *total, *row = target->values;
  VX_NEW(task, total, target->size[2]);
  for (size_t z = 0; z < target->size[0]; z++)
    for (size_t y = 0; y < target->size[1]; y++, row += target->size[2]) {
      vx_filter_row(source, filter, z, y, total);
      for (size_t x = 0; x < target->size[2]; x++) row[x] -= rounding ? floor(total[x] + 0.5) : total[x];
    }
  return VOXZ_OK;
}

static voxz_status undo_step(vx_task *task, const vx_pyramid *pyramid, unsigned scale, const split *of, unsigned step, vx_half halves[2]) {
  const vx_transform *it = pyramid->transform;
  const unsigned odd = step & 1, class = scale < it->classes ? scale : it->classes - 1, kind = kind_of(of);
  const size_t set = class * vx_sets_of(it->sharing) + SHARED[it->sharing][kind];
  const double *filter = it->filters + (set * it->steps + step) * it->reach * 4;
  const size_t used = task->used;
  vx_half *target = &halves[1 - odd];
  vx_source source;
  VX_TRY(vx_new_source(task, &halves[odd], target, of->axis, odd, it->reach, &source));
  if (it->network) {
    const double unit = pyramid->step > 0 ? pyramid->step : 1.0;
    VX_TRY(vx_apply_network(task, it, SHARED[it->network_sharing][kind], step, filter, &source, unit, target));
  } else {
    VX_TRY(undo_filter(task, &source, filter, it->reversible, target));
  }
  task->used = used;
  return VOXZ_OK;
}

static voxz_status undo_split(vx_task *task, const vx_pyramid *pyramid, unsigned scale, const split *of, double *volume) {
  const size_t used = task->used;
  vx_half halves[2];
  VX_TRY(take_halves(task, pyramid, of, volume, halves));
  for (unsigned step = pyramid->transform->steps; step-- > 0;) VX_TRY(undo_step(task, pyramid, scale, of, step, halves));
  put_halves(pyramid, of, volume, halves);
  task->used = used;
  return VOXZ_OK;
}

voxz_status vx_synthesise_trained(vx_task *task, const vx_pyramid *pyramid, unsigned undone, double *volume) {
  for (unsigned scale = vx_deepest(pyramid); scale-- > undone;) {
    split splits[MOST_SPLITS];
    for (unsigned i = splits_of(pyramid, scale, splits); i-- > 0;) VX_TRY(undo_split(task, pyramid, scale, &splits[i], volume));
  }
  return VOXZ_OK;
}
