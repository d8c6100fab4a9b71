/* Networks beside the filters of lifting steps: IEEE doubles, every sum in a fixed order. */

#include "trained_step.h"

#include <math.h>

enum { UNITS = VX_NETWORK_UNITS, CUBE = 27, HALO = 4 };

/* Voxels that are convolved at once. */
static const size_t TILE[3] = {8, 16, 64};

static double at_least_zero(double value) { return value > 0.0 ? value : 0.0; }

/* The hyperbolic tangent, nearly: Lambert's continued fraction. */
static double squashed(double value) {
  const double most = 4.97, low = value < most ? value : most, x = low > -most ? low : -most, s = x * x;
  return x * (135135.0 + s * (17325.0 + s * (378.0 + s))) / (135135.0 + s * (62370.0 + s * (3150.0 + s * 28.0)));
}

/* A filter less the mean of its taps: it gives nothing on constants. */
static void centre(const double *filter, unsigned reach, double *centred) {
  double total = 0.0;
  for (unsigned a = 0; a < reach; a++) {
    const double *w = filter + 4 * a;
    total += 2.0 * (w[0] + 2.0 * w[1] + 2.0 * w[2] + 4.0 * w[3]);
  }
  const double mean = total / (18.0 * reach);
  for (unsigned k = 0; k < 4 * reach; k++) centred[k] = filter[k] - mean;
}

static size_t places_of(const uint32_t size[3]) { return (size_t)size[0] * size[1] * size[2]; }

/* `out = factor * what a filter gives` for the whole target. */
static void filtered(const vx_source *source, const double *filter, double factor, const uint32_t size[3], double *out) {
  for (size_t z = 0; z < size[0]; z++)
    for (size_t y = 0; y < size[1]; y++, out += size[2]) {
      vx_filter_row(source, filter, z, y, out);
      for (size_t x = 0; x < size[2]; x++) out[x] = factor * out[x];
    }
}

/* A layer of units with ReLU, for rows of points. */
static void relu_layer(const double *inputs, const double *weights, const double *bias, size_t points, double *out) {
  for (unsigned k = 0; k < UNITS; k++, out += points) {
    for (size_t x = 0; x < points; x++) out[x] = bias[k];
    for (unsigned c = 0; c < UNITS; c++)
      for (size_t x = 0; x < points; x++) out[x] += weights[k * UNITS + c] * inputs[c * points + x];
    for (size_t x = 0; x < points; x++) out[x] = at_least_zero(out[x]);
  }
}

/* Arrays of the network `relu` for one set and step. */
typedef struct relu {
  double first[UNITS][4 * VX_MOST_REACH]; /* centred */
  const double *bias, *second, *bias_2, *last;
  double nothing; /* what it gives for zeros */
} relu;

static relu relu_of(const vx_transform *transform, size_t place) {
  relu made;
  double idle[UNITS], idle_2[UNITS];
  for (unsigned k = 0; k < UNITS; k++)
    centre(transform->arrays[0] + (place * UNITS + k) * 4 * transform->reach, transform->reach, made.first[k]);
  made.bias = transform->arrays[1] + place * UNITS;
  made.second = transform->arrays[2] + place * UNITS * UNITS;
  made.bias_2 = transform->arrays[3] + place * UNITS;
  made.last = transform->arrays[4] + place * UNITS;
  made.nothing = 0.0;
  for (unsigned k = 0; k < UNITS; k++) idle[k] = at_least_zero(made.bias[k]);
  relu_layer(idle, made.second, made.bias_2, 1, idle_2);
  for (unsigned k = 0; k < UNITS; k++) made.nothing += made.last[k] * idle_2[k];
  return made;
}

static voxz_status add_relu(vx_task *task, const relu *it, const vx_source *source, double unit, const uint32_t size[3], double *total) {
  const size_t width = size[2];
  double *one, *two, *row;
  VX_NEW(task, one, UNITS * width);
  VX_NEW(task, two, UNITS * width);
  VX_NEW(task, row, width);
  for (size_t z = 0; z < size[0]; z++)
    for (size_t y = 0; y < size[1]; y++, total += width) {
      for (unsigned k = 0; k < UNITS; k++) {
        vx_filter_row(source, it->first[k], z, y, row);
        for (size_t x = 0; x < width; x++) one[k * width + x] = at_least_zero(row[x] / unit + it->bias[k]);
      }
      relu_layer(one, it->second, it->bias_2, width, two);
      for (size_t x = 0; x < width; x++) row[x] = -it->nothing;
      for (unsigned k = 0; k < UNITS; k++)
        for (size_t x = 0; x < width; x++) row[x] += it->last[k] * two[k * width + x];
      for (size_t x = 0; x < width; x++) total[x] += unit * row[x];
    }
  return VOXZ_OK;
}

/* Channels of a box. */
typedef struct channels {
  unsigned count;
  size_t size[3];
  double *values;
} channels;

static size_t box_of(const channels *of) { return of->size[0] * of->size[1] * of->size[2]; }

/* A convolution of 3 x 3 x 3, which takes a voxel off on each side; `out` has room for it. */
static void convolve(const channels *from, const double *weights, unsigned count, int squashing, channels *out) {
  for (unsigned axis = 0; axis < 3; axis++) out->size[axis] = from->size[axis] - 2;
  out->count = count;
  double *row = out->values;
  for (unsigned k = 0; k < count; k++)
    for (size_t z = 0; z < out->size[0]; z++)
      for (size_t y = 0; y < out->size[1]; y++, row += out->size[2]) {
        for (size_t x = 0; x < out->size[2]; x++) row[x] = 0.0;
        for (unsigned c = 0; c < from->count; c++)
          for (unsigned near = 0; near < 9; near++) {
            const double *line = from->values + ((c * from->size[0] + z + near / 3) * from->size[1] + y + near % 3) * from->size[2];
            const double *w = weights + ((k * from->count + c) * CUBE + near * 3);
            for (size_t x = 0; x < out->size[2]; x++) {
              const double part = w[0] * line[x] + w[1] * line[x + 1];
              row[x] += part + w[2] * line[x + 2];
            }
          }
        if (squashing)
          for (size_t x = 0; x < out->size[2]; x++) row[x] = squashed(row[x]);
      }
}

/* Add the middle of channels that are two voxels larger on every side. */
static void add_inner(channels *to, const channels *larger) {
  double *row = to->values;
  for (unsigned c = 0; c < to->count; c++)
    for (size_t z = 0; z < to->size[0]; z++)
      for (size_t y = 0; y < to->size[1]; y++, row += to->size[2]) {
        const double *line = larger->values + ((c * larger->size[0] + z + 2) * larger->size[1] + y + 2) * larger->size[2] + 2;
        for (size_t x = 0; x < to->size[2]; x++) row[x] += line[x];
      }
}

/* Room for a tile on its way through the convolutions. */
typedef struct tiles {
  channels detail, one, two, three, last;
} tiles;

static voxz_status new_channels(vx_task *task, unsigned count, unsigned halo, channels *made) {
  VX_NEW(task, made->values, count * (TILE[0] + 2 * halo) * (TILE[1] + 2 * halo) * (TILE[2] + 2 * halo));
  return VOXZ_OK;
}

static voxz_status new_tiles(vx_task *task, tiles *made) {
  VX_TRY(new_channels(task, 1, HALO, &made->detail));
  VX_TRY(new_channels(task, UNITS, HALO - 1, &made->one));
  VX_TRY(new_channels(task, UNITS, HALO - 2, &made->two));
  VX_TRY(new_channels(task, UNITS, HALO - 3, &made->three));
  return new_channels(task, 1, 0, &made->last);
}

/* A tile of the detail, from `first` on, with its surroundings; beyond the ends lies the end. */
static void cut_tile(const double *detail, const uint32_t size[3], const size_t first[3], channels *tile) {
  double *to = tile->values;
  tile->count = 1;
  for (unsigned axis = 0; axis < 3; axis++) {
    const size_t left = size[axis] - first[axis];
    tile->size[axis] = (left < TILE[axis] ? left : TILE[axis]) + 2 * HALO;
  }
  for (size_t z = 0; z < tile->size[0]; z++)
    for (size_t y = 0; y < tile->size[1]; y++)
      for (size_t x = 0; x < tile->size[2]; x++) {
        const size_t at[3] = {z, y, x};
        size_t place = 0;
        for (unsigned axis = 0; axis < 3; axis++)
          place = place * size[axis] + (size_t)vx_clamp((int64_t)(first[axis] + at[axis]) - HALO, 0, (int64_t)size[axis] - 1);
        *to++ = detail[place];
      }
}

static void add_tile(double *out, const uint32_t size[3], const size_t first[3], const channels *tile, double factor) {
  const double *from = tile->values;
  for (size_t z = 0; z < tile->size[0]; z++)
    for (size_t y = 0; y < tile->size[1]; y++) {
      double *row = out + ((first[0] + z) * size[1] + first[1] + y) * size[2] + first[2];
      for (size_t x = 0; x < tile->size[2]; x++) row[x] += factor * *from++;
    }
}

/* Add what the convolutions make of the detail to `total`, and half of what the gate's make of their squares to `gate`. */
static void add_convolved(const vx_transform *transform, size_t place, const double *detail, const uint32_t size[3], double unit,
                          const size_t first[3], tiles *room, double *total, double *gate) {
  const double *weights[VX_NETWORK_ARRAYS];
  for (unsigned k = 0; k < VX_NETWORK_ARRAYS; k++)
    weights[k] = transform->arrays[k] ? transform->arrays[k] + place * CUBE * (k == 1 || k == 2 ? UNITS * UNITS : UNITS) : NULL;
  cut_tile(detail, size, first, &room->detail);
  convolve(&room->detail, weights[0], UNITS, 1, &room->one);
  convolve(&room->one, weights[1], UNITS, 1, &room->two);
  convolve(&room->two, weights[2], UNITS, 0, &room->three);
  add_inner(&room->three, &room->one);
  convolve(&room->three, weights[3], 1, 0, &room->last);
  add_tile(total, size, first, &room->last, unit);
  if (!gate) return;
  for (size_t i = 0; i < UNITS * box_of(&room->three); i++) room->three.values[i] *= room->three.values[i];
  convolve(&room->three, weights[4], 1, 1, &room->last);
  add_tile(gate, size, first, &room->last, 0.5);
}

static voxz_status add_convolutions(vx_task *task, const vx_transform *transform, size_t place, const double *filter,
                                    const vx_source *source, double unit, const uint32_t size[3], double *total, double *gate) {
  double centred[4 * VX_MOST_REACH], *detail;
  tiles room;
  VX_NEW(task, detail, places_of(size));
  VX_TRY(new_tiles(task, &room));
  centre(filter, transform->reach, centred);
  filtered(source, centred, 1.0 / unit, size, detail);
  for (size_t z = 0; z < size[0]; z += TILE[0])
    for (size_t y = 0; y < size[1]; y += TILE[1])
      for (size_t x = 0; x < size[2]; x += TILE[2]) {
        const size_t first[3] = {z, y, x};
        add_convolved(transform, place, detail, size, unit, first, &room, total, gate);
      }
  return VOXZ_OK;
}

voxz_status vx_apply_network(vx_task *task, const vx_transform *transform, unsigned set, unsigned step, const double *filter,
                             const vx_source *source, double unit, vx_half *target) {
  const size_t count = places_of(target->size), place = set * transform->steps + step;
  double *total, *gate = NULL;
  VX_NEW(task, total, count);
  filtered(source, filter, 1.0, target->size, total);
  if (transform->network == VX_RELU) {
    const relu units = relu_of(transform, place);
    VX_TRY(add_relu(task, &units, source, unit, target->size, total));
  } else {
    if (transform->network == VX_AFFINE && step % 2 == 0) VX_NEW(task, gate, count);
    for (size_t i = 0; gate && i < count; i++) gate[i] = 1.0;
    VX_TRY(add_convolutions(task, transform, place, filter, source, unit, target->size, total, gate));
  }
  for (size_t i = 0; i < count; i++) {
    const double scaled = gate ? target->values[i] / gate[i] : target->values[i];
    target->values[i] = scaled - (transform->reversible ? floor(total[i] + 0.5) : total[i]);
  }
  return VOXZ_OK;
}
