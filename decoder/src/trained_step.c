#include "trained_step.h"

voxz_status vx_new_source(vx_task *task, const vx_half *half, const vx_half *target, unsigned axis, unsigned odd, unsigned reach,
                          vx_source *source) {
  const int64_t length = (int64_t)half->size[axis] + target->size[axis], period = 2 * (length - 1);
  const size_t count = (size_t)half->size[axis] + 2 * reach, longest = half->size[2] > target->size[2] ? half->size[2] : target->size[2];
  size_t *places;
  VX_NEW(task, places, count);
  for (size_t i = 0; i < count; i++) {
    const int64_t place = vx_magnitude(2 * ((int64_t)i - reach) + odd) % period;
    places[i] = (size_t)(vx_min(place, period - place) - odd) / 2;
  }
  const vx_source made = {half, axis, odd, reach, places, target->size[2], NULL};
  *source = made;
  VX_NEW(task, source->rows, 4 * (longest + 2 * reach + 2));
  return VOXZ_OK;
}

static size_t before(size_t place) { return place ? place - 1 : 0; }
static size_t after(size_t place, uint32_t count) { return place + 1 < count ? place + 1 : place; }

static const double *row_at(const vx_half *half, size_t z, size_t y) { return half->values + (z * half->size[1] + y) * half->size[2]; }

/* What one distance `away` adds to a row: the first of them is the sum itself. */
static void add_part(double *total, double part, unsigned away) { *total = away ? *total + part : part; }

static void repeat_ends(double *line, size_t width) {
  line[-1] = line[0];
  line[width] = line[width - 1];
}

/* A step along z or y: two rows of the half for each distance, and their neighbours along the other of these axes. */
static void filter_across(const vx_source *of, const double *filter, size_t z, size_t y, double *total) {
  const vx_half *half = of->half;
  const size_t width = of->width, place = of->axis ? y : z, beside = of->axis ? z : y;
  const size_t low = before(beside), high = after(beside, half->size[1 - of->axis]);
  double *pair = of->rows + 1, *sides = pair + width + 2;
  for (unsigned away = 0; away < of->reach; away++, filter += 4) {
    const size_t near = of->places[of->reach + place - away - of->odd], far = of->places[of->reach + place + away + 1 - of->odd];
    const double *rows[2][3];
    for (unsigned side = 0; side < 2; side++) {
      const size_t at = side ? far : near;
      rows[side][0] = of->axis ? row_at(half, beside, at) : row_at(half, at, beside);
      rows[side][1] = of->axis ? row_at(half, low, at) : row_at(half, at, low);
      rows[side][2] = of->axis ? row_at(half, high, at) : row_at(half, at, high);
    }
    for (size_t x = 0; x < width; x++) {
      pair[x] = rows[0][0][x] + rows[1][0][x];
      sides[x] = (rows[0][1][x] + rows[0][2][x]) + (rows[1][1][x] + rows[1][2][x]);
    }
    repeat_ends(pair, width);
    repeat_ends(sides, width);
    for (ptrdiff_t x = 0; x < (ptrdiff_t)width; x++) {
      double part = filter[0] * pair[x] + filter[2] * sides[x];
      part += filter[1] * (pair[x - 1] + pair[x + 1]) + filter[3] * (sides[x - 1] + sides[x + 1]);
      add_part(total + x, part, away);
    }
  }
}

/* A step along x: the row, and sums of its neighbours along z, along y and along both, mirrored at their ends. */
static void filter_along(const vx_source *of, const double *filter, size_t z, size_t y, double *total) {
  const vx_half *half = of->half;
  const size_t count = half->size[2], reach = of->reach, pitch = count + 2 * reach;
  const size_t z_0 = before(z), z_2 = after(z, half->size[0]), y_0 = before(y), y_2 = after(y, half->size[1]);
  const double *here = row_at(half, z, y), *up = row_at(half, z, y_0), *down = row_at(half, z, y_2);
  const double *a = row_at(half, z_0, y), *b = row_at(half, z_2, y);
  const double *c = row_at(half, z_0, y_0), *d = row_at(half, z_0, y_2), *e = row_at(half, z_2, y_0), *f = row_at(half, z_2, y_2);
  double *own = of->rows, *along_z = own + pitch, *along_y = along_z + pitch, *corners = along_y + pitch;
  for (size_t i = 0; i < pitch; i++) {
    const size_t x = of->places[i];
    own[i] = here[x];
    along_z[i] = a[x] + b[x];
    along_y[i] = up[x] + down[x];
    corners[i] = (c[x] + d[x]) + (e[x] + f[x]);
  }
  for (unsigned away = 0; away < reach; away++, filter += 4)
    for (size_t x = 0; x < of->width; x++) {
      const size_t i = x + reach - away - of->odd, k = x + reach + away + 1 - of->odd;
      double part = filter[0] * (own[i] + own[k]) + filter[2] * (along_z[i] + along_z[k]);
      part += filter[1] * (along_y[i] + along_y[k]) + filter[3] * (corners[i] + corners[k]);
      add_part(total + x, part, away);
    }
}

void vx_filter_row(const vx_source *source, const double *filter, size_t z, size_t y, double *total) {
  (source->axis == 2 ? filter_along : filter_across)(source, filter, z, y, total);
}
