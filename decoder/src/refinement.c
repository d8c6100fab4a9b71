/* Coefficients are moved within the interval of their index, by what surrounds them in their band. */

#include "band.h"
#include "filters.h"

enum { PAIRS = 12, TAPS = PAIRS + 2, LIMIT = 4 * VX_UNITS, MARGIN = 2, ACTIVITIES = 4, KINDS = 2 * (ACTIVITIES + 1) };

static const int8_t OFFSETS[PAIRS][3] = {{0, 0, 1}, {0, 0, 2}, {0, 1, 0},  {0, 2, 0}, {1, 0, 0},  {2, 0, 0},
                                         {0, 1, 1}, {0, 1, -1}, {1, 0, 1}, {1, 0, -1}, {1, 1, 0}, {1, -1, 0}};
static const int64_t BOUNDS[ACTIVITIES] = {1, 32, 160, 512};

voxz_status vx_read_refinement(vx_task *task, vx_side *side, vx_filters *filters) {
  return vx_read_filters(task, side, 8 * KINDS, TAPS, filters);
}

/* What a filter finds for the coefficient at `here`, among limited ones; 0 if its class has none. */
static int64_t correction(const vx_filters *filters, const int64_t *of_class, const int16_t *here, const ptrdiff_t apart[PAIRS]) {
  int64_t around = 0, total = 0, sums[TAPS];
  for (unsigned k = 0; k < PAIRS; k++) {
    const int64_t before = here[-apart[k]], after = here[apart[k]];
    sums[k] = before + after;
    around += vx_magnitude(before) + vx_magnitude(after);
  }
  sums[PAIRS] = *here;
  sums[PAIRS + 1] = VX_UNITS * ((*here > 0) - (*here < 0));
  unsigned kind = *here ? ACTIVITIES + 1 : 0;
  for (unsigned k = 0; k < ACTIVITIES; k++) kind += around >= BOUNDS[k];
  if (of_class[kind] < 0) return 0;
  const int64_t *weights = filters->weights + of_class[kind] * TAPS;
  for (unsigned k = 0; k < TAPS; k++) total += weights[k] * sums[k];
  return total;
}

/* A copy of the band, limited, with zeros around it. */
static voxz_status limited_copy(vx_task *task, const vx_band *band, const uint32_t size[3], const double *units, int16_t **copy) {
  const size_t height = band->size[1] + 2 * MARGIN, width = band->size[2] + 2 * MARGIN;
  VX_NEW(task, *copy, (band->size[0] + 2 * MARGIN) * height * width);
  for (size_t z = 0; z < band->size[0]; z++)
    for (size_t y = 0; y < band->size[1]; y++) {
      const double *from = units + (z * size[1] + y) * size[2];
      int16_t *to = *copy + ((z + MARGIN) * height + y + MARGIN) * width + MARGIN;
      for (size_t x = 0; x < band->size[2]; x++)
        to[x] = (int16_t)(from[x] > LIMIT ? LIMIT : from[x] < -LIMIT ? -LIMIT : from[x]);
    }
  return VOXZ_OK;
}

static voxz_status correct(vx_task *task, const vx_filters *filters, const vx_band *band, const uint32_t size[3], double *units) {
  const size_t height = band->size[1] + 2 * MARGIN, width = band->size[2] + 2 * MARGIN, used = task->used;
  const double scale = 1.0 / (1 << filters->precision);
  ptrdiff_t apart[PAIRS];
  int16_t *copy;
  for (unsigned k = 0; k < PAIRS; k++)
    apart[k] = ((ptrdiff_t)OFFSETS[k][0] * (ptrdiff_t)height + OFFSETS[k][1]) * (ptrdiff_t)width + OFFSETS[k][2];
  VX_TRY(limited_copy(task, band, size, units, &copy));
  for (size_t z = 0; z < band->size[0]; z++)
    for (size_t y = 0; y < band->size[1]; y++) {
      const int16_t *from = copy + ((z + MARGIN) * height + y + MARGIN) * width + MARGIN;
      double *to = units + (z * size[1] + y) * size[2];
      for (size_t x = 0; x < band->size[2]; x++)
        to[x] += (double)correction(filters, filters->of_class + band->orientation * KINDS, from + x, apart) * scale;
    }
  task->used = used;
  return VOXZ_OK;
}

voxz_status vx_refine(vx_task *task, const vx_filters *filters, const vx_band *band, const uint32_t size[3], double half_step, double *units) {
  units += ((size_t)band->start[0] * size[1] + band->start[1]) * size[2] + band->start[2];
  if (filters->count) VX_TRY(correct(task, filters, band, size, units));
  for (size_t z = 0; z < band->size[0]; z++)
    for (size_t y = 0; y < band->size[1]; y++) {
      double *row = units + (z * size[1] + y) * size[2];
      for (size_t x = 0; x < band->size[2]; x++) row[x] = row[x] * (1.0 / VX_UNITS) * half_step;
    }
  return VOXZ_OK;
}
