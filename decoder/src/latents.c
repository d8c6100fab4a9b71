#include "latents.h"

#include "bands.h"
#include "filters.h"

#include <math.h>

static const double LARGEST_INDEX = 1099511627776.0; /* 2^40: magnitude of latents, in steps */

static size_t places_of(const uint32_t size[3]) { return (size_t)size[0] * size[1] * size[2]; }

/* Means of every two samples along an axis; a last one without a partner is its own. */
static voxz_status halve(vx_task *task, unsigned channels, uint32_t size[3], unsigned axis, double **values) {
  const uint32_t length = size[axis], half = (length + 1) / 2;
  if (length == 1) return VOXZ_OK;
  size_t before = channels, after = 1;
  for (unsigned k = 0; k < 3; k++) *(k < axis ? &before : &after) *= k == axis ? 1 : size[k];
  double *made;
  VX_NEW(task, made, before * half * after);
  for (size_t a = 0; a < before; a++)
    for (uint32_t i = 0; i < half; i++) {
      const double *first = *values + (a * length + 2 * i) * after, *second = 2 * i + 1 < length ? first + after : first;
      for (size_t b = 0; b < after; b++) made[(a * half + i) * after + b] = (first[b] + second[b]) * 0.5;
    }
  *values = made;
  size[axis] = half;
  return VOXZ_OK;
}

static voxz_status make_coarser(vx_task *task, const uint32_t size[3], vx_latents *it) {
  double *values = it->grid;
  uint32_t now[3] = {size[0], size[1], size[2]};
  for (unsigned scale = 0; scale < VX_LATENT_SCALES; scale++) {
    for (unsigned axis = 0; axis < 3; axis++) VX_TRY(halve(task, it->channels, now, axis, &values));
    it->coarser[scale] = values;
    memcpy(it->sizes[scale], now, sizeof now);
  }
  return VOXZ_OK;
}

static voxz_status decode_grid(vx_task *task, vx_bytes coefficients, vx_bytes filters, const vx_pyramid *pyramid, unsigned states, vx_latents *it) {
  const size_t places = places_of(pyramid->size);
  vx_filters found;
  VX_NEW(task, it->grid, it->channels * (uint64_t)places);
  VX_TRY(vx_decode_bands(task, coefficients, pyramid, it->channels, states, NULL, 0, it->grid));
  for (unsigned c = 0; c < it->channels; c++) VX_TRY(vx_synthesise(task, pyramid, 0, it->grid + c * places));
  for (size_t i = 0; i < it->channels * places; i++)
    VX_CHECK(task, fabs(it->grid[i]) <= LARGEST_INDEX * pyramid->step, "the latents of a brick are out of bounds");
  if (!vx_bytes_left(&filters)) return VOXZ_OK;
  VX_TRY(vx_read_restoration(task, filters, &found));
  for (unsigned c = 0; c < it->channels; c++) VX_TRY(vx_restore(task, &found, pyramid->size, pyramid->step, it->grid + c * places));
  return VOXZ_OK;
}

voxz_status vx_read_latents(vx_task *task, vx_bytes *from, const uint32_t size[3], uint32_t most, vx_latents *it) {
  vx_pyramid pyramid = {{size[0], size[1], size[2]}, {0, 0, 0}, VX_97, 0.0, NULL, NULL};
  for (unsigned axis = 0; axis < 3; axis++) pyramid.scales[axis] = vx_u8(from);
  const unsigned states = vx_u8(from);
  it->channels = vx_u16(from);
  pyramid.step = vx_f64(from);
  const vx_bytes coefficients = vx_part(from), filters = vx_part(from);
  VX_CHECK(task, !from->overrun, "a brick ends early");
  VX_CHECK(task, it->channels >= 1 && it->channels <= most, "the head of latents is out of bounds");
  VX_CHECK(task, vx_deepest(&pyramid) <= VX_MOST_SCALES && vx_is_trellis(states) && pyramid.step > 1e-300 && pyramid.step < 1e300,
           "the head of latents is out of bounds");
  VX_TRY(decode_grid(task, coefficients, filters, &pyramid, states, it));
  return make_coarser(task, size, it);
}

/* The two samples between which a place lies along an axis, and how far it is from the first. */
typedef struct between {
  size_t first, second;
  double share;
} between;

static between between_of(uint32_t place, uint32_t length, unsigned scale, uint32_t count) {
  const double width = length > 1 ? (double)(2u << scale) : 1.0, position = ((double)place + 0.5) / width - 0.5, low = floor(position);
  const int64_t first = (int64_t)low, last = (int64_t)count - 1;
  const between found = {(size_t)vx_clamp(first, 0, last), (size_t)vx_clamp(first + 1, 0, last), position - low};
  return found;
}

static double mixed(double first, double second, double share) {
  return share == 0.0 ? first : (1.0 - share) * first + share * second;
}

/* A coarser grid at a place, linearly: along z, then y, then x. */
static double interpolated(const double *grid, const uint32_t grid_size[3], const uint32_t size[3], unsigned scale, size_t place) {
  const uint32_t x = (uint32_t)(place % size[2]), y = (uint32_t)(place / size[2] % size[1]), z = (uint32_t)(place / size[2] / size[1]);
  const between on_z = between_of(z, size[0], scale, grid_size[0]), on_y = between_of(y, size[1], scale, grid_size[1]);
  const between on_x = between_of(x, size[2], scale, grid_size[2]);
  const size_t rows[2] = {on_y.first, on_y.second}, columns[2] = {on_x.first, on_x.second}, slice = (size_t)grid_size[1] * grid_size[2];
  double along_y[2];
  for (unsigned k = 0; k < 2; k++) {
    double along_z[2];
    for (unsigned i = 0; i < 2; i++) {
      const double *column = grid + rows[i] * grid_size[2] + columns[k];
      along_z[i] = mixed(column[on_z.first * slice], column[on_z.second * slice], on_z.share);
    }
    along_y[k] = mixed(along_z[0], along_z[1], on_y.share);
  }
  return mixed(along_y[0], along_y[1], on_x.share);
}

double vx_latent_feature(const vx_latents *it, const uint32_t size[3], unsigned k, size_t place) {
  const unsigned channel = k % it->channels;
  const double fine = it->grid[channel * places_of(size) + place];
  if (k < it->channels) return fine;
  const unsigned scale = k / it->channels - 1;
  const double *grid = it->coarser[scale] + channel * places_of(it->sizes[scale]);
  return fine - interpolated(grid, it->sizes[scale], size, scale, place);
}
