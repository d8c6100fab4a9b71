/* Codec 5: a volume or series as a function that was fitted to it, by networks, latents, or both. */

#include "codecs.h"
#include "klt.h"
#include "latents.h"
#include "masked.h"
#include "numbers.h"
#include "perceptron.h"

#include <math.h>

enum { FIELD, NOTHING };
enum { BACKGROUND = 1, CORRECTED = 2, RESIDUAL = 4, FLAGS = 7 };
enum { BASIS = 1, LATENTS = 2, NETWORKS = 4, FLOATS = 8, FIELD_FLAGS = 15, MOST_GAIN = 64, POINTS = 256 };

typedef struct head {
  unsigned kind, specials, flags;
  double low, high;
} head;

/* A field: from positions to volumes, by way of as many outputs. */
typedef struct field {
  uint32_t size[3], volumes, outputs;
  unsigned axes, flags;
  double offset;
  double *basis; /* NULL: outputs are volumes */
  vx_latents latents;
  vx_perceptron networks;
  const double *low, *extent; /* (networks, outputs) */
  double *gains; /* of the features of latents */
} field;

static voxz_status read_head(vx_task *task, vx_bytes *from, voxz_dtype dtype, head *head) {
  double lowest, highest;
  head->kind = vx_u8(from);
  head->specials = vx_u8(from);
  head->flags = vx_u8(from);
  head->low = vx_f64(from);
  head->high = vx_f64(from);
  vx_limits(dtype, &lowest, &highest);
  VX_CHECK(task, !from->overrun, "a brick ends early");
  if (head->kind > NOTHING || head->flags > FLAGS) return vx_fail(task, VOXZ_UNSUPPORTED, "a siren brick is of a kind that format 1.0 does not have");
  VX_CHECK(task, lowest <= head->low && head->low <= head->high && head->high <= highest, "the range of a siren brick does not fit its type");
  const int residual = head->flags & RESIDUAL;
  VX_CHECK(task, !residual || (vx_is_whole(dtype) && !(head->flags & CORRECTED)), "a siren brick has residuals that do not fit its samples");
  return VOXZ_OK;
}

static size_t places_of(const field *it) { return (size_t)it->size[0] * it->size[1] * it->size[2]; }

static voxz_status read_front(vx_task *task, vx_bytes *from, field *it, unsigned *components, unsigned *layers) {
  it->axes = vx_u8(from);
  it->flags = vx_u8(from);
  *components = vx_u16(from);
  *layers = vx_u8(from);
  it->offset = vx_f64(from);
  VX_CHECK(task, !from->overrun, "a brick ends early");
  if (it->flags > FIELD_FLAGS || it->axes < 2 || it->axes > 4)
    return vx_fail(task, VOXZ_UNSUPPORTED, "a siren brick has axes or flags that format 1.0 does not have");
  const int basis = it->flags & BASIS, latents = it->flags & LATENTS;
  VX_CHECK(task, vx_is_finite(it->offset) && !basis == !*components && *components <= it->volumes, "the head of a siren brick is out of bounds");
  VX_CHECK(task, latents || it->flags & NETWORKS, "a siren brick has neither latents nor networks");
  VX_CHECK(task, !(latents && it->axes != 3) && !(basis && it->axes == 4), "a siren brick has parts that do not fit its axes");
  it->outputs = *components ? *components : it->volumes;
  return VOXZ_OK;
}

static voxz_status read_floats(vx_task *task, vx_bytes *from, size_t count, const double **values) {
  double *made;
  VX_CHECK(task, count <= vx_bytes_left(from) / 4, "a brick ends early");
  VX_NEW(task, made, count);
  for (size_t i = 0; i < count; i++) {
    made[i] = (double)vx_f32(from);
    VX_CHECK(task, vx_is_finite(made[i]), "numbers of a network are not finite");
  }
  *values = made;
  return VOXZ_OK;
}

/* Gains of the features of latents; or the number of networks, and the range of each output. */
static voxz_status read_ranges(vx_task *task, vx_bytes *from, field *it, uint32_t *count) {
  *count = 1;
  if (it->flags & LATENTS) {
    VX_NEW(task, it->gains, 3 * it->latents.channels);
    for (unsigned k = 0; k < 3 * it->latents.channels; k++) {
      const int gain = (int8_t)vx_u8(from);
      VX_CHECK(task, gain >= -MOST_GAIN && gain <= MOST_GAIN, "the gains of latents are out of bounds");
      it->gains[k] = 1.0;
      for (int i = 0; i < gain; i++) it->gains[k] *= 2.0;
      for (int i = 0; i > gain; i--) it->gains[k] *= 0.5;
    }
    return VOXZ_OK;
  }
  *count = vx_u32(from);
  VX_CHECK(task, *count == (it->axes == 2 ? it->size[0] : 1), "a siren brick has another number of networks than of slices");
  const size_t numbers = (size_t)*count * it->networks.sizes[it->networks.layers];
  VX_TRY(read_floats(task, from, numbers, &it->low));
  return read_floats(task, from, numbers, &it->extent);
}

static voxz_status read_networks(vx_task *task, vx_bytes *from, field *it, unsigned layers) {
  const unsigned latents = it->flags & LATENTS, inputs = latents ? 3 + 3 * it->latents.channels : it->axes;
  const uint32_t most = it->axes == 4 ? 1 : it->outputs;
  const uint64_t samples = (uint64_t)places_of(it) * it->volumes;
  uint32_t count;
  VX_TRY(vx_read_perceptron(task, from, layers, &it->networks));
  const uint32_t outputs = it->networks.sizes[layers];
  VX_CHECK(task, it->networks.sizes[0] == inputs && outputs <= most && (latents || outputs == most), "a network does not fit its brick");
  const uint64_t points = it->axes == 4 ? samples : places_of(it);
  if (!vx_perceptron_is_affordable(&it->networks, points, samples))
    return vx_fail(task, VOXZ_UNSUPPORTED, "the networks of a brick take more multiplications than format 1.0 allows");
  VX_TRY(read_ranges(task, from, it, &count));
  const vx_bytes part = vx_part(from);
  VX_CHECK(task, !from->overrun, "a brick ends early");
  return it->flags & FLOATS ? vx_read_float_weights(task, part, count, &it->networks) : vx_read_weights(task, part, count, &it->networks);
}

static voxz_status read_field(vx_task *task, vx_bytes *from, const vx_brick *brick, field *it) {
  unsigned components, layers;
  memset(it, 0, sizeof *it);
  it->size[0] = brick->z;
  it->size[1] = brick->y;
  it->size[2] = brick->x;
  it->volumes = brick->series * brick->channels;
  VX_TRY(read_front(task, from, it, &components, &layers));
  if (components) VX_TRY(vx_read_basis(task, vx_part(from), it->volumes, components, &it->basis));
  if (it->flags & LATENTS) VX_TRY(vx_read_latents(task, from, it->size, it->outputs, &it->latents));
  return it->flags & NETWORKS ? read_networks(task, from, it, layers) : VOXZ_OK;
}

/* -1 at the first and 1 at the last place of an axis. */
static double normalised(size_t place, uint32_t length) { return length > 1 ? (double)place * (2.0 / (length - 1)) - 1.0 : 0.0 * (double)place; }

/* Coordinates of a block of places, z, y, x, in rows of POINTS. */
static void fill_coordinates(const field *it, size_t first, size_t count, double *rows) {
  for (size_t i = 0; i < count; i++) {
    const size_t place = first + i, x = place % it->size[2], y = place / it->size[2] % it->size[1], z = place / it->size[2] / it->size[1];
    rows[i] = normalised(z, it->size[0]);
    rows[POINTS + i] = normalised(y, it->size[1]);
    rows[2 * POINTS + i] = normalised(x, it->size[2]);
  }
}

/* Latents alone, or with what a network makes of them. */
static voxz_status evaluate_latents(vx_task *task, const field *it, double *outputs) {
  const size_t places = places_of(it);
  const unsigned features = 3 * it->latents.channels;
  double *inputs, *room;
  memcpy(outputs, it->latents.grid, it->latents.channels * places * sizeof *outputs);
  if (!(it->flags & NETWORKS)) return VOXZ_OK;
  VX_NEW(task, inputs, (features + 3) * (uint64_t)POINTS);
  VX_TRY(vx_perceptron_room(task, &it->networks, POINTS, &room));
  for (size_t first = 0; first < places; first += POINTS) {
    const size_t count = places - first < POINTS ? places - first : POINTS;
    for (unsigned k = 0; k < features; k++)
      for (size_t i = 0; i < count; i++)
        inputs[k * POINTS + i] = vx_latent_feature(&it->latents, it->size, k, first + i) * it->gains[k];
    fill_coordinates(it, first, count, inputs + features * POINTS);
    const double *found = vx_evaluate(&it->networks, 0, inputs, POINTS, room);
    for (unsigned o = 0; o < it->networks.sizes[it->networks.layers]; o++)
      for (size_t i = 0; i < count; i++) outputs[o * places + first + i] += found[o * POINTS + i];
  }
  return VOXZ_OK;
}

/* Outputs of network `number`, with its range, for places `first` on, put there or added to what is there. */
static void put_network(const field *it, uint32_t number, const double *inputs, size_t first, size_t count, int adding, double *room,
                        double *outputs) {
  const uint32_t rows = it->networks.sizes[it->networks.layers];
  const double *found = vx_evaluate(&it->networks, number, inputs, POINTS, room);
  for (uint32_t o = 0; o < rows; o++)
    for (size_t i = 0; i < count; i++) {
      const double value = found[o * POINTS + i] * it->extent[number * rows + o] + it->low[number * rows + o];
      double *to = outputs + o * places_of(it) + first + i;
      *to = adding ? *to + value : value;
    }
}

/* A network for each slice: the last slice is 0 times the one before and 1 times its own. */
static void evaluate_slices(const field *it, double *inputs, double *room, double *outputs) {
  const size_t slice = (size_t)it->size[1] * it->size[2];
  for (uint32_t z = 0; z < it->size[0]; z++)
    for (size_t first = 0; first < slice; first += POINTS) {
      const size_t count = slice - first < POINTS ? slice - first : POINTS, place = z * slice + first, rows = it->outputs;
      const int last = z > 0 && z + 1 == it->size[0];
      fill_coordinates(it, place, count, inputs);
      put_network(it, last ? z - 1 : z, inputs + POINTS, place, count, 0, room, outputs);
      if (!last) continue;
      for (size_t o = 0; o < rows; o++)
        for (size_t i = 0; i < count; i++) outputs[o * places_of(it) + place + i] *= 0.0;
      put_network(it, z, inputs + POINTS, place, count, 1, room, outputs);
    }
}

/* One network for all places, or for all places and volumes. */
static void evaluate_whole(const field *it, double *inputs, double *room, double *outputs) {
  const size_t places = places_of(it);
  const uint32_t volumes = it->axes == 4 ? it->volumes : 1;
  for (uint32_t v = 0; v < volumes; v++)
    for (size_t first = 0; first < places; first += POINTS) {
      const size_t count = places - first < POINTS ? places - first : POINTS;
      fill_coordinates(it, first, count, inputs);
      for (size_t i = 0; i < count; i++) inputs[3 * POINTS + i] = normalised(v, it->volumes);
      put_network(it, 0, inputs, first, count, 0, room, outputs + v * places);
    }
}

static voxz_status evaluate(vx_task *task, const field *it, double *outputs) {
  double *inputs, *room;
  if (it->flags & LATENTS) return evaluate_latents(task, it, outputs);
  VX_NEW(task, inputs, 4 * POINTS);
  VX_TRY(vx_perceptron_room(task, &it->networks, POINTS, &room));
  (it->axes == 2 ? evaluate_slices : evaluate_whole)(it, inputs, room, outputs);
  return VOXZ_OK;
}

static voxz_status fill(vx_task *task, const field *it, const head *head, voxz_dtype dtype, void *series) {
  const size_t places = places_of(it), count = it->volumes * places, used = task->used;
  const int whole = vx_is_whole(dtype);
  double *values;
  VX_NEW(task, values, count);
  VX_TRY(evaluate(task, it, values));
  if (it->basis) VX_TRY(vx_mix(task, it->basis, it->volumes, it->outputs, places, values));
  for (size_t i = 0; i < count; i++) {
    const double value = values[i] + it->offset;
    VX_CHECK(task, vx_is_finite(value), "a siren brick gives values that are not finite");
    const double rounded = whole ? floor(value + 0.5) : value, held = rounded > head->low ? rounded : head->low;
    vx_put_number(dtype, series, i, held < head->high ? held : head->high);
  }
  task->used = used;
  return VOXZ_OK;
}

/* Add residuals, which are a payload of codec 1. */
static voxz_status add_residuals(vx_task *task, vx_bytes *payload, const vx_brick *brick, void *series) {
  const vx_bytes part = vx_part(payload);
  const size_t places = (size_t)brick->z * brick->y * brick->x, used = task->used;
  vx_brick whole = *brick;
  int32_t *residuals;
  VX_CHECK(task, !payload->overrun, "a brick ends early");
  whole.dtype = VOXZ_INT32;
  whole.itemsize = 4;
  VX_NEW(task, residuals, vx_brick_samples(brick));
  VX_TRY(vx_decode_predictive(task, part.at, vx_bytes_left(&part), &whole, residuals));
  for (size_t i = 0; i < vx_brick_samples(brick); i++) {
    const size_t volume = i / places, there = ((volume / brick->channels) * places + i % places) * brick->channels + volume % brick->channels;
    vx_put_number(brick->dtype, series, i, vx_get_number(brick->dtype, series, i) + residuals[there]);
  }
  task->used = used;
  return VOXZ_OK;
}

voxz_status vx_decode_siren(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples) {
  vx_bytes from = vx_bytes_of(payload, size);
  uint8_t *series = samples;
  vx_masks masks;
  head head;
  field *it;
  VX_NEW(task, it, 1);
  VX_TRY(read_head(task, &from, brick->dtype, &head));
  VX_TRY(vx_read_masks(task, &from, head.specials, head.flags & BACKGROUND, brick, &masks));
  if (head.kind == FIELD) VX_TRY(read_field(task, &from, brick, it));
  if (brick->channels > 1) VX_NEW(task, series, vx_brick_samples(brick) * brick->itemsize);
  if (head.kind == FIELD) VX_TRY(fill(task, it, &head, brick->dtype, series));
  if (head.flags & RESIDUAL) VX_TRY(add_residuals(task, &from, brick, series));
  vx_apply_masks(&masks, brick, VX_FULL, series);
  if (head.flags & CORRECTED) VX_TRY(vx_correct(task, &from, brick, series));
  VX_CHECK(task, !from.overrun && !vx_bytes_left(&from), "bytes are left over after the parts of a brick");
  if (series != samples) vx_interleave(brick, series, samples);
  return VOXZ_OK;
}
