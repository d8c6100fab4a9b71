#include "bands.h"

#include "filters.h"
#include "heavy.h"
#include "light.h"

enum { EMPTY, SAME, OWN, LARGEST_WEIGHT = 1 << 13, LARGEST_LEAN = 1 << 12, ONE = 1 << 10 };

/* Weights that were last sent for bands of an orientation: of the expectation with so many known planes, and of signs. */
typedef struct remembered {
  int64_t weights[8][VX_MOST_KNOWN + 1][VX_MOST_WEIGHTS];
  int64_t leaning[8][VX_LEANING];
} remembered;

/* All bands while they are decoded. */
typedef struct decoding {
  const vx_pyramid *pyramid;
  vx_side side;
  vx_coder coder;
  vx_profile profile;
  vx_trellis trellis;
  remembered *last;
  unsigned count;
  vx_band bands[VX_MOST_BANDS];
  size_t places;   /* of a component */
  double *values;  /* (components, z, y, x): first coefficients in units, then coefficients */
  int32_t *known;  /* likewise: magnitudes with signs */
} decoding;

int vx_is_trellis(unsigned states) { return states == 1 || states == 4 || states == 8 || states == 32; }

static const vx_band *band_at(const decoding *it, unsigned scale, unsigned orientation) {
  for (unsigned i = 0; i < it->count; i++)
    if (it->bands[i].scale == scale && it->bands[i].orientation == orientation) return &it->bands[i];
  return NULL;
}

/* Magnitudes of another band at the places of one, each standing for two along axes that are split; and sums of six faces. */
static void magnitudes_at(const decoding *it, const int32_t *known, const vx_band *other, const vx_band *band, int halved, int32_t *plane) {
  const uint32_t *size = it->pyramid->size;
  for (size_t z = 0; z < band->size[0]; z++)
    for (size_t y = 0; y < band->size[1]; y++) {
      size_t at[3] = {z, y, 0};
      const unsigned split[3] = {halved && other->scale < it->pyramid->scales[0], halved && other->scale < it->pyramid->scales[1],
                                 halved && other->scale < it->pyramid->scales[2]};
      for (unsigned axis = 0; axis < 2; axis++) at[axis] = (size_t)vx_min((int64_t)(at[axis] >> split[axis]), other->size[axis] - 1);
      const int32_t *row = known + ((other->start[0] + at[0]) * size[1] + other->start[1] + at[1]) * size[2] + other->start[2];
      for (size_t x = 0; x < band->size[2]; x++) {
        const size_t there = x >> split[2], last = other->size[2] - 1;
        *plane++ = (int32_t)vx_magnitude(row[there < last ? there : last]);
      }
    }
}

static void sum_faces(const uint32_t size[3], const int32_t *plane, int32_t *faces) {
  const size_t slice = (size_t)size[1] * size[2], width = size[2];
  for (size_t z = 0; z < size[0]; z++)
    for (size_t y = 0; y < size[1]; y++)
      for (size_t x = 0; x < width; x++, plane++) {
        int32_t sum = z > 0 ? plane[-(ptrdiff_t)slice] : 0;
        sum += z + 1 < size[0] ? plane[slice] : 0;
        sum += y > 0 ? plane[-(ptrdiff_t)width] : 0;
        sum += y + 1 < size[1] ? plane[width] : 0;
        sum += x > 0 ? plane[-1] : 0;
        sum += x + 1 < width ? plane[1] : 0;
        *faces++ = sum;
      }
}

/* Which bands are known around one. */
static vx_known known_around(const decoding *it, unsigned component, const vx_band *band) {
  vx_known known = {0, 0, 0, 0};
  known.parent = band->orientation && band_at(it, band->scale + 1, band->orientation) != NULL;
  for (unsigned other = 1; other < band->orientation; other++)
    if (band_at(it, band->scale, other)) known.sisters |= 1u << other;
  known.previous = component > 0;
  known.count = (unsigned)(known.parent + known.previous);
  for (unsigned other = 1; other < band->orientation; other++) known.count += known.sisters >> other & 1;
  return known;
}

/* The planes of a band's known bands: parent, sisters, the component before. */
static voxz_status known_planes(vx_task *task, const decoding *it, const vx_walk *walk, int32_t **planes) {
  const vx_band *band = walk->band;
  const size_t places = (size_t)band->size[0] * band->size[1] * band->size[2];
  const int32_t *own = it->known + walk->component * it->places;
  int32_t *plane;
  VX_NEW(task, *planes, 2 * walk->known.count * places);
  plane = *planes;
  for (unsigned k = 0; k < VX_MOST_KNOWN + 1; k++) {
    const int parent = k == 0, previous = k == VX_MOST_KNOWN;
    if (parent ? !walk->known.parent : previous ? !walk->known.previous : !(walk->known.sisters >> k & 1)) continue;
    const vx_band *other = parent ? band_at(it, band->scale + 1, band->orientation) : previous ? band : band_at(it, band->scale, k);
    magnitudes_at(it, previous ? own - it->places : own, other, band, parent, plane);
    sum_faces(band->size, plane, plane + places);
    plane += 2 * places;
  }
  return VOXZ_OK;
}

/* The part of the expectation that planes known as a whole give, and the constant; 32 times in 1/1024. */
static voxz_status sum_planes(vx_task *task, const vx_walk *walk, const int32_t *planes, int64_t **sums) {
  const vx_band *band = walk->band;
  const size_t places = (size_t)band->size[0] * band->size[1] * band->size[2];
  const int64_t *weights = walk->weights + VX_IN_BAND;
  VX_NEW(task, *sums, places);
  for (size_t i = 0; i < places; i++) (*sums)[i] = weights[2 * walk->known.count] * VX_UNITS;
  for (unsigned k = 0; k < 2 * walk->known.count; k++, planes += places)
    for (size_t i = 0; i < places; i++) (*sums)[i] += weights[k] * VX_UNITS * planes[i];
  return VOXZ_OK;
}

static int all_within(const int64_t *values, unsigned count, int64_t most) {
  for (unsigned i = 0; i < count; i++)
    if (vx_magnitude(values[i]) > most) return 0;
  return 1;
}

/* Weights and shifts of a band, from the side information or from before. */
static voxz_status read_side(vx_task *task, decoding *it, int64_t kind, vx_walk *walk) {
  const unsigned count = VX_IN_BAND + 2 * walk->known.count + 1;
  int64_t *weights = it->last->weights[walk->band->orientation][walk->known.count];
  int64_t *leaning = it->last->leaning[walk->band->orientation], shifts[4];
  if (kind == OWN) {
    VX_TRY(vx_few_integers(task, &it->side, count, weights));
    VX_TRY(vx_few_integers(task, &it->side, VX_LEANING, leaning));
    VX_CHECK(task, all_within(weights, count, LARGEST_WEIGHT) && all_within(leaning, VX_LEANING, LARGEST_LEAN),
             "the weights of a band are out of bounds");
  }
  VX_TRY(vx_few_integers(task, &it->side, 4, shifts));
  memcpy(walk->weights, weights, count * sizeof *weights);
  memcpy(walk->leaning, leaning, sizeof walk->leaning);
  memcpy(walk->shifts, shifts, sizeof shifts);
  return VOXZ_OK;
}

static voxz_status decode_band(vx_task *task, decoding *it, unsigned component, const vx_band *band) {
  int64_t kind, *sums;
  int32_t *planes;
  vx_walk walk = {.band = band, .component = component, .trellis = &it->trellis};
  const size_t used = task->used;
  VX_TRY(vx_few_integers(task, &it->side, 1, &kind));
  VX_CHECK(task, kind >= EMPTY && kind <= OWN, "a band is of an unknown kind");
  if (kind == EMPTY) return VOXZ_OK;
  walk.known = known_around(it, component, band);
  VX_TRY(read_side(task, it, kind, &walk));
  VX_TRY(known_planes(task, it, &walk, &planes));
  VX_TRY(sum_planes(task, &walk, planes, &sums));
  walk.planes = planes;
  walk.sums = sums;
  const size_t start = component * it->places;
  walk.known_signed = it->known + start;
  walk.places = it->places;
  VX_TRY(vx_walk_band(task, &it->profile, &walk, it->pyramid->size, it->values + start, it->known + start));
  task->used = used;
  return VOXZ_OK;
}

/* The bands from number `first` up to the one before `end`, which are those of a scale, in all components. */
static voxz_status decode_scale(vx_task *task, decoding *it, unsigned components, unsigned first, unsigned end) {
  const double step = it->pyramid->step;
  vx_filters filters = {0, 0, NULL, NULL};
  for (unsigned component = 0; component < components; component++)
    for (unsigned i = first; i < end; i++) VX_TRY(decode_band(task, it, component, &it->bands[i]));
  const size_t used = task->used;
  if (it->pyramid->lifting != VX_53) VX_TRY(vx_read_refinement(task, &it->side, &filters));
  for (unsigned component = 0; component < components; component++)
    for (unsigned i = first; i < end; i++) {
      const double half_step = it->pyramid->lifting == VX_53 ? 0.5 : step / (2 * it->bands[i].norm);
      VX_TRY(vx_refine(task, &filters, &it->bands[i], it->pyramid->size, half_step, it->values + component * it->places));
    }
  task->used = used;
  return VOXZ_OK;
}

/* Weights before any were sent: west, north and previous slice a quarter each, known planes 1/32, the constant 1/16. */
static void fill_defaults(remembered *last) {
  for (unsigned orientation = 0; orientation < 8; orientation++)
    for (unsigned known = 0; known <= VX_MOST_KNOWN; known++) {
      int64_t *weights = last->weights[orientation][known];
      weights[0] = weights[3] = weights[8] = ONE / 4;
      for (unsigned k = 0; k < known; k++) weights[VX_IN_BAND + 2 * k] = ONE / 32;
      weights[VX_IN_BAND + 2 * known] = ONE / 16;
    }
}

static voxz_status start(vx_task *task, decoding *it, vx_bytes part, uint32_t components, const struct vx_network *network) {
  const uint32_t length = vx_u32(&part);
  const uint8_t *side = vx_bytes_take(&part, length);
  VX_CHECK(task, side && !part.overrun, "the coefficients of a brick end early");
  it->side.bytes = vx_bytes_of(side, length);
  it->coder = vx_coder_of(part.at, vx_bytes_left(&part));
  it->count = vx_bands_of(it->pyramid, it->bands);
  VX_CHECK(task, (uint64_t)it->count * components <= 8 * (uint64_t)length, "there are fewer bands than a brick must have");
  VX_NEW(task, it->known, components * (uint64_t)it->places);
  VX_NEW(task, it->last, 1);
  fill_defaults(it->last);
  return network ? vx_new_heavy(task, network, it->pyramid, components, &it->coder, &it->profile) : vx_new_light(task, &it->coder, &it->profile);
}

voxz_status vx_decode_bands(vx_task *task, vx_bytes part, const vx_pyramid *pyramid, uint32_t components, unsigned states,
                            const struct vx_network *network, unsigned undone, double *values) {
  const size_t used = task->used, places = (size_t)pyramid->size[0] * pyramid->size[1] * pyramid->size[2];
  decoding *it;
  VX_NEW(task, it, 1);
  it->pyramid = pyramid;
  it->places = places;
  it->values = values;
  it->trellis = vx_trellis_of(states);
  VX_TRY(start(task, it, part, components, network));
  for (unsigned first = 0, end = 0; first < it->count; first = end) {
    while (end < it->count && it->bands[end].scale == it->bands[first].scale) end++;
    if (it->bands[first].scale < undone) break;
    VX_TRY(decode_scale(task, it, components, first, end));
  }
  if (!undone) {
    VX_TRY(vx_side_end(task, &it->side));
    VX_CHECK(task, it->coder.position == it->coder.size, "the coefficients of a brick do not end where their stream does");
  }
  task->used = used;
  return VOXZ_OK;
}
