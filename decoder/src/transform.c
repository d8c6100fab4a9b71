/* Reading trained transforms: from a payload that brings filters of its own, or from a model's file. */

#include "transform.h"

#include "arrays.h"
#include "integers.h"

enum { MOST_CLASSES = VX_MOST_SCALES, LARGEST_TAP = 16, UNIT = 4096, NORM_UNIT = 256, LARGEST_NORM = 1 << 16, MOST_TEXT = 512 };

static const double STEPS_97[4] = {-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971};
static const double STEPS_53[2] = {-0.5, 0.25};
static const char *const SHARINGS[VX_SHARINGS] = {"all", "axes", "halves", "none"};
static const char *const NETWORKS[4] = {"", "relu", "additive", "affine"};
static const unsigned SETS[VX_SHARINGS] = {1, 2, 3, 7};

static unsigned filters_of(const vx_transform *transform) { return transform->classes * SETS[transform->sharing] * transform->steps; }

unsigned vx_sets_of(unsigned sharing) { return SETS[sharing]; }

static voxz_status check_family(vx_task *task, const vx_transform *it) {
  VX_CHECK(task, it->steps % 2 == 0 && it->steps >= 2 && it->steps <= VX_MOST_STEPS, "a transform has an impossible number of steps");
  VX_CHECK(task, it->reach >= 1 && it->reach <= VX_MOST_REACH, "a transform has an impossible reach");
  VX_CHECK(task, it->classes >= 1 && it->classes <= MOST_CLASSES, "a transform has an impossible number of classes");
  VX_CHECK(task, !(it->reversible && it->network == VX_AFFINE), "a transform without loss scales");
  return VOXZ_OK;
}

/* What filter number `number` of 9/7 or 5/3 has as its first number. */
static double untrained(const vx_transform *it, unsigned number) {
  const unsigned step = number % it->steps;
  if (it->reversible) return step < 2 ? STEPS_53[step] : 0.0;
  return step < 4 ? STEPS_97[step] : 0.0;
}

/* Filters from the differences of all their numbers but the first, which makes the taps sum up to those of 9/7 or 5/3. */
static voxz_status own_filters(vx_task *task, vx_side *side, vx_transform *it) {
  static const int64_t TAPS[4] = {2, 4, 4, 8};
  const unsigned count = filters_of(it), each = 4 * it->reach;
  int64_t *differences;
  double *filters;
  VX_TRY(vx_integers(task, side, count * (each - 1), NULL, 0, &differences));
  VX_NEW(task, filters, count * each);
  it->filters = filters;
  for (unsigned number = 0; number < count; number++, filters += each) {
    int64_t sum = 0;
    for (unsigned k = 1; k < each; k++, differences++) {
      VX_CHECK(task, vx_magnitude(*differences) <= LARGEST_TAP * UNIT, "the filters of a brick are out of bounds");
      sum += *differences * TAPS[k % 4];
      filters[k] = (double)*differences / UNIT;
    }
    filters[0] = untrained(it, number) + (double)vx_floor_divide(-sum, 2) / UNIT;
  }
  return VOXZ_OK;
}

static int is_split(const unsigned scales[3], unsigned scale, unsigned orientation) {
  for (unsigned axis = 0; axis < 3; axis++)
    if (orientation >> axis & 1 && scale >= scales[axis]) return 0;
  return 1;
}

static voxz_status own_norms(vx_task *task, vx_side *side, const unsigned scales[3], vx_transform *it) {
  unsigned deepest = 0, count = 0;
  double *places[VX_MOST_BANDS];
  int64_t norms[VX_MOST_BANDS];
  for (unsigned axis = 0; axis < 3; axis++) deepest = scales[axis] > deepest ? scales[axis] : deepest;
  places[count++] = &it->norms[scales[0]][deepest][0];
  for (unsigned scale = 0; scale < deepest; scale++)
    for (unsigned orientation = 1; orientation < 8; orientation++)
      if (is_split(scales, scale, orientation)) places[count++] = &it->norms[scales[0]][scale][orientation];
  VX_TRY(vx_few_integers(task, side, count, norms));
  for (unsigned i = 0; i < count; i++) {
    VX_CHECK(task, norms[i] >= 1 && norms[i] <= LARGEST_NORM, "the norms of a brick are out of bounds");
    *places[i] = (double)norms[i] / NORM_UNIT;
  }
  return VOXZ_OK;
}

voxz_status vx_read_own_transform(vx_task *task, vx_bytes *payload, const unsigned scales[3], int reversible, vx_transform **transform) {
  vx_transform *it;
  VX_NEW(task, it, 1);
  it->reversible = reversible;
  it->steps = vx_u8(payload);
  it->reach = vx_u8(payload);
  it->sharing = vx_u8(payload);
  it->classes = vx_u8(payload);
  vx_side side = {vx_part(payload)};
  VX_CHECK(task, !payload->overrun, "a brick ends early");
  if (it->sharing >= VX_SHARINGS) return vx_fail(task, VOXZ_UNSUPPORTED, "filters are shared in a way that format 1.0 does not have");
  VX_TRY(check_family(task, it));
  VX_TRY(own_filters(task, &side, it));
  if (!reversible) VX_TRY(own_norms(task, &side, scales, it));
  VX_TRY(vx_side_end(task, &side));
  *transform = it;
  return VOXZ_OK;
}

/* Place of a string among several. */
static unsigned place_of(vx_json value, const char *const *names, unsigned count) {
  char text[16];
  const char *found = vx_json_text(value, text, sizeof text);
  unsigned place = 0;
  while (place < count && !(found && strcmp(found, names[place]) == 0)) place++;
  return place;
}

static voxz_status read_family(vx_task *task, const vx_arrays *arrays, vx_transform *it) {
  char text[MOST_TEXT];
  const char *found = vx_json_text(vx_array_text(arrays, "family"), text, sizeof text);
  VX_CHECK(task, found, "a model is no transform");
  const vx_json family = {found, found + strlen(found)};
  const uint64_t steps = vx_json_whole(vx_json_find(family, "steps")), reach = vx_json_whole(vx_json_find(family, "reach"));
  const uint64_t classes = vx_json_whole(vx_json_find(family, "classes"));
  it->reversible = vx_json_is(vx_json_find(family, "reversible"), "true");
  it->steps = steps < 256 ? (unsigned)steps : 0;
  it->reach = reach < 256 ? (unsigned)reach : 0;
  it->classes = classes < 256 ? (unsigned)classes : 0;
  it->sharing = place_of(vx_json_find(family, "sharing"), SHARINGS, VX_SHARINGS);
  it->network_sharing = place_of(vx_json_find(family, "network_sharing"), SHARINGS, VX_SHARINGS);
  const unsigned network = place_of(vx_json_find(family, "network"), NETWORKS, 4);
  VX_CHECK(task, it->sharing < VX_SHARINGS && it->network_sharing < VX_SHARINGS && network < 4, "a transform is of an unknown family");
  it->network = (vx_network_kind)network;
  return check_family(task, it);
}

/* An array of the networks: a set for each that is shared and each step, then these axes. */
static voxz_status take_network_array(vx_task *task, const vx_arrays *arrays, vx_transform *it, unsigned number, const char *name,
                                      unsigned axes, const uint32_t *shape) {
  uint32_t whole[VX_MOST_ARRAY_AXES] = {SETS[it->network_sharing], it->steps};
  double *values;
  for (unsigned axis = 0; axis < axes; axis++) whole[2 + axis] = shape[axis];
  VX_TRY(vx_take_array(task, arrays, name, 2 + axes, whole, &values));
  it->arrays[number] = values;
  return VOXZ_OK;
}

static voxz_status read_relu(vx_task *task, const vx_arrays *arrays, vx_transform *it) {
  const uint32_t units = VX_NETWORK_UNITS, first[4] = {units, it->reach, 2, 2}, square[2] = {units, units};
  VX_TRY(take_network_array(task, arrays, it, 0, "networks.first", 4, first));
  VX_TRY(take_network_array(task, arrays, it, 1, "networks.bias", 1, square));
  VX_TRY(take_network_array(task, arrays, it, 2, "networks.second", 2, square));
  VX_TRY(take_network_array(task, arrays, it, 3, "networks.bias_2", 1, square));
  return take_network_array(task, arrays, it, 4, "networks.last", 1, square);
}

static voxz_status read_convolutions(vx_task *task, const vx_arrays *arrays, vx_transform *it) {
  static const char *const NAMES[VX_NETWORK_ARRAYS] = {"networks.first", "networks.second", "networks.third", "networks.last",
                                                       "networks.gate"};
  const unsigned count = it->network == VX_AFFINE ? 5 : 4;
  for (unsigned k = 0; k < count; k++) {
    const uint32_t shape[5] = {k < 3 ? VX_NETWORK_UNITS : 1, k ? VX_NETWORK_UNITS : 1, 3, 3, 3};
    VX_TRY(take_network_array(task, arrays, it, k, NAMES[k], 5, shape));
  }
  return VOXZ_OK;
}

voxz_status vx_read_transform(vx_task *task, const uint8_t *file, size_t size, vx_transform **transform) {
  const uint32_t norms[3] = {VX_MOST_SCALES + 1, VX_MOST_SCALES + 1, 8};
  vx_arrays arrays;
  vx_transform *it;
  double *values;
  VX_NEW(task, it, 1);
  VX_TRY(vx_open_arrays(task, file, size, &arrays));
  VX_TRY(read_family(task, &arrays, it));
  const uint32_t shape[5] = {it->classes * SETS[it->sharing], it->steps, it->reach, 2, 2};
  VX_TRY(vx_take_array(task, &arrays, "filters", 5, shape, &values));
  it->filters = values;
  VX_TRY(vx_take_array(task, &arrays, "norms", 3, norms, &values));
  memcpy(it->norms, values, sizeof it->norms);
  for (size_t i = 0; i < sizeof it->norms / sizeof *values; i++)
    VX_CHECK(task, values[i] >= 1.0 / 256 && values[i] <= 256.0, "the norms of a model are out of bounds");
  if (it->network == VX_RELU) VX_TRY(read_relu(task, &arrays, it));
  if (it->network >= VX_ADDITIVE) VX_TRY(read_convolutions(task, &arrays, it));
  *transform = it;
  return VOXZ_OK;
}
