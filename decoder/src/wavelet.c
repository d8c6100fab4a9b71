/* Codec 4: volumes and series with loss, and whole numbers without, as the coefficients of wavelet pyramids or in blocks. */

#include "bands.h"
#include "blocks.h"
#include "codecs.h"
#include "fast.h"
#include "filters.h"
#include "heavy.h"
#include "klt.h"
#include "masked.h"
#include "models.h"
#include "motion.h"
#include "numbers.h"
#include "transform.h"

#include <math.h>

enum { LOSSY, LOSSLESS, NOTHING };
enum { BACKGROUND = 1, BASIS = 2, CORRECTED = 4, RESTORED = 8, HEAVY = 16, FAST = 32, BLOCKS = 64, FLAGS = 127 };
enum { UNTRAINED, NAMED, OWN, MOVED, MOST_RANGES = 8 };

static const double LEAST = 1e-300, LARGEST_SAMPLE = 1e280;
static const double LEAST_FAST = 1.0 / (1 << 30), LARGEST_FAST = 1 << 24;

typedef struct head {
  unsigned kind, states, scales[3], specials, flags, transform;
  double step, offset, low, high;
} head;

/* A brick as series of volumes: channels are volumes. */
typedef struct decoding {
  head head;
  const vx_brick *brick;
  vx_bytes payload;
  uint32_t volumes;
  size_t places;
  vx_pyramid pyramid;
  vx_masks masks;
  const vx_network *network;
  unsigned halvings[3];
  size_t kept; /* places at the resolution that is halved so often */
} decoding;

static void read_head(vx_bytes *from, head *head) {
  head->kind = vx_u8(from);
  head->states = vx_u8(from);
  for (unsigned axis = 0; axis < 3; axis++) head->scales[axis] = vx_u8(from);
  head->specials = vx_u8(from);
  head->flags = vx_u8(from);
  head->transform = vx_u8(from);
  head->step = vx_f64(from);
  head->offset = vx_f64(from);
  head->low = vx_f64(from);
  head->high = vx_f64(from);
}

/* Whether the fast profile, which works in singles, can have such a head. */
static int is_possibly_fast(const head *head, double size) {
  const int plain = !(head->flags & (HEAVY | RESTORED)) && head->transform == UNTRAINED && head->states <= 4;
  return head->kind == LOSSY && plain && head->step >= LEAST_FAST && size <= LARGEST_FAST;
}

/* Whether blocks, which take the place of a transform, can have such a head. */
static int is_possibly_blocks(const head *head) {
  const int split = head->scales[0] || head->scales[1] || head->scales[2];
  return head->kind == LOSSY && !(head->flags & (BASIS | HEAVY | FAST)) && head->transform == UNTRAINED && head->states == 1 && !split;
}

/* Whether the fields fit each other, so that no sum of coefficients leaves the range of doubles. */
static int is_possible(const head *head, voxz_dtype dtype) {
  double lowest, highest;
  vx_limits(dtype, &lowest, &highest);
  if (!(lowest <= head->low && head->low <= head->high && head->high <= highest)) return 0;
  const double size = fabs(head->low) > fabs(head->high) ? fabs(head->low) : fabs(head->high), range = head->high - head->low;
  if (!(size <= LARGEST_SAMPLE) || !(fabs(head->offset) <= size + 1)) return 0;
  if (head->flags & FAST && !is_possibly_fast(head, size)) return 0;
  if (head->flags & BLOCKS && !is_possibly_blocks(head)) return 0;
  for (unsigned axis = 0; axis < 3; axis++)
    if (head->scales[axis] > VX_MOST_SCALES) return 0;
  if (head->kind == LOSSY) return LEAST <= head->step && head->step <= MOST_RANGES * (range > LEAST ? range : LEAST);
  return head->step == 0 && !(head->flags & (BASIS | CORRECTED | RESTORED)) && (head->kind != LOSSLESS || vx_is_whole(dtype));
}

static voxz_status check_head(vx_task *task, const decoding *it) {
  const head *head = &it->head;
  VX_CHECK(task, !it->payload.overrun, "a brick ends early");
  if (head->kind > NOTHING || head->flags > FLAGS || !vx_is_trellis(head->states) || head->transform > MOVED)
    return vx_fail(task, VOXZ_UNSUPPORTED, "a wavelet brick is of a kind that format 1.0 does not have");
  VX_CHECK(task, head->specials <= VX_MOST_SPECIALS && is_possible(head, it->brick->dtype), "the head of a wavelet brick is out of bounds");
  return VOXZ_OK;
}

static voxz_status read_transform(vx_task *task, decoding *it) {
  const int lossless = it->head.kind == LOSSLESS;
  vx_transform *transform = NULL;
  const vx_model *model;
  if (it->head.transform == NAMED) {
    VX_TRY(vx_named_model(task, &it->payload, &model));
    VX_TRY(vx_read_transform(task, model->bytes, model->size, &transform));
    VX_CHECK(task, transform->reversible == lossless, "the model of a brick is for the other kind of coding");
  }
  if (it->head.transform == OWN) VX_TRY(vx_read_own_transform(task, &it->payload, it->head.scales, lossless, &transform));
  it->pyramid.transform = transform;
  if (it->head.transform == MOVED) {
    VX_CHECK(task, !lossless, "a brick without loss cannot follow motion");
    const vx_bytes part = vx_part(&it->payload);
    VX_CHECK(task, !it->payload.overrun, "a brick ends early");
    return vx_read_motion(task, part, &it->pyramid, &it->pyramid.motion);
  }
  return VOXZ_OK;
}

static voxz_status read_network(vx_task *task, decoding *it) {
  const vx_model *model;
  if (!(it->head.flags & HEAVY)) return VOXZ_OK;
  VX_TRY(vx_named_model(task, &it->payload, &model));
  return vx_read_network(task, model->bytes, model->size, &it->network);
}

/* Head, transform, weights and planes; and the pyramid. */
static voxz_status begin(vx_task *task, decoding *it, const vx_brick *brick, const uint8_t *payload, size_t size) {
  memset(it, 0, sizeof *it);
  it->brick = brick;
  it->payload = vx_bytes_of(payload, size);
  it->volumes = brick->series * brick->channels;
  it->places = (size_t)brick->z * brick->y * brick->x;
  read_head(&it->payload, &it->head);
  VX_TRY(check_head(task, it));
  const vx_pyramid pyramid = {{brick->z, brick->y, brick->x},
                              {it->head.scales[0], it->head.scales[1], it->head.scales[2]},
                              it->head.kind == LOSSLESS ? VX_53 : it->head.flags & FAST ? VX_SINGLE_97 : VX_97,
                              it->head.step,
                              NULL,
                              NULL};
  it->pyramid = pyramid;
  VX_TRY(read_transform(task, it));
  VX_TRY(read_network(task, it));
  return vx_read_masks(task, &it->payload, it->head.specials, it->head.flags & BACKGROUND, brick, &it->masks);
}

static void round_all(double *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = vx_rounded(values[i]);
}

/* What is low after the scales that were brought back, in the units of the samples, split on along axes that have too few scales;
   `low` is left with the places of the lower resolution, which are fewer. */
static voxz_status take_low(vx_task *task, const decoding *it, unsigned undone, const double *volume, double *low) {
  vx_pyramid beyond = {.lifting = it->pyramid.lifting};
  const double gain = vx_gain(&it->pyramid, undone);
  const size_t used = task->used;
  uint32_t left[3];
  double *work;
  vx_lowest(&it->pyramid, undone, beyond.size);
  for (unsigned axis = 0; axis < 3; axis++)
    beyond.scales[axis] = it->halvings[axis] - (undone < it->pyramid.scales[axis] ? undone : it->pyramid.scales[axis]);
  VX_NEW(task, work, (uint64_t)beyond.size[0] * beyond.size[1] * beyond.size[2]);
  vx_take_low(volume, it->pyramid.size, beyond.size, it->pyramid.lifting, gain, work);
  VX_TRY(vx_analyse(task, &beyond, work));
  const unsigned deepest = vx_deepest(&beyond);
  vx_lowest(&beyond, deepest, left);
  vx_take_low(work, beyond.size, left, it->pyramid.lifting, vx_gain(&beyond, deepest), low);
  task->used = used;
  return VOXZ_OK;
}

static int is_full(const unsigned halvings[3]) { return !halvings[0] && !halvings[1] && !halvings[2]; }

/* How many of the finest scales stay undone at the resolution. */
static unsigned count_undone(const decoding *it) {
  for (unsigned undone = 0; undone < vx_deepest(&it->pyramid); undone++)
    for (unsigned axis = 0; axis < 3; axis++)
      if ((undone < it->pyramid.scales[axis] ? undone + 1 : it->pyramid.scales[axis]) > it->halvings[axis]) return undone;
  return vx_deepest(&it->pyramid);
}

static voxz_status decode_blocks(vx_task *task, decoding *it, double *values) {
  const vx_bytes fields = vx_part(&it->payload), stream = vx_part(&it->payload);
  VX_CHECK(task, !it->payload.overrun, "a brick ends early");
  VX_CHECK(task, it->volumes == 1, "only a single volume can lie in blocks");
  return vx_decode_blocks(task, fields, stream, it->pyramid.size, it->head.step, values);
}

static voxz_status decode_coefficients(vx_task *task, decoding *it, unsigned undone, double *values) {
  if (it->head.flags & BLOCKS) return decode_blocks(task, it, values);
  const vx_bytes part = vx_part(&it->payload);
  VX_CHECK(task, !it->payload.overrun, "a brick ends early");
  if (it->head.flags & FAST)
    return vx_decode_fast_bands(task, part, &it->pyramid, it->volumes, it->head.states, undone, values);
  return vx_decode_bands(task, part, &it->pyramid, it->volumes, it->head.states, it->network, undone, values);
}

static voxz_status decode_volumes(vx_task *task, decoding *it, double *values) {
  const unsigned undone = count_undone(it);
  double *basis = NULL;
  if (it->head.flags & BASIS) VX_TRY(vx_read_basis(task, vx_part(&it->payload), it->volumes, it->volumes, &basis));
  VX_TRY(decode_coefficients(task, it, undone, values));
  if (it->head.kind == LOSSLESS) round_all(values, it->volumes * it->places);
  for (uint32_t v = 0; v < it->volumes; v++) {
    double *volume = values + v * it->places;
    VX_TRY(vx_synthesise(task, &it->pyramid, undone, volume));
    if (!is_full(it->halvings)) VX_TRY(take_low(task, it, undone, volume, values + v * it->kept));
  }
  return basis ? vx_mix(task, basis, it->volumes, it->volumes, it->kept, values) : VOXZ_OK;
}

static voxz_status restore_volumes(vx_task *task, decoding *it, double *values) {
  vx_filters filters;
  if (!(it->head.flags & RESTORED) || !is_full(it->halvings)) return VOXZ_OK;
  VX_TRY(vx_read_restoration(task, vx_part(&it->payload), &filters));
  for (uint32_t v = 0; v < it->volumes; v++)
    VX_TRY(vx_restore(task, &filters, it->pyramid.size, it->head.step, values + v * it->places));
  return VOXZ_OK;
}

static voxz_status decode_coded(vx_task *task, decoding *it, void *series) {
  const voxz_dtype dtype = it->brick->dtype;
  const int whole = vx_is_whole(dtype);
  const size_t used = task->used;
  double *values;
  VX_NEW(task, values, it->volumes * it->places);
  VX_TRY(decode_volumes(task, it, values));
  VX_TRY(restore_volumes(task, it, values));
  for (size_t i = 0; i < it->volumes * it->kept; i++) {
    const double value = values[i] + it->head.offset, rounded = whole ? floor(value + 0.5) : value;
    const double held = rounded > it->head.low ? rounded : it->head.low;
    vx_put_number(dtype, series, i, held < it->head.high ? held : it->head.high);
  }
  task->used = used;
  return VOXZ_OK;
}

voxz_status vx_decode_wavelet(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples) {
  return vx_preview_wavelet(task, payload, size, brick, VX_FULL, samples);
}

voxz_status vx_preview_wavelet(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, const unsigned halvings[3],
                               void *samples) {
  decoding it;
  uint8_t *series = samples;
  const vx_brick found = vx_halved(brick, halvings);
  VX_TRY(begin(task, &it, brick, payload, size));
  memcpy(it.halvings, halvings, sizeof it.halvings);
  it.kept = (size_t)found.z * found.y * found.x;
  if (brick->channels > 1) VX_NEW(task, series, vx_brick_samples(&found) * brick->itemsize);
  if (it.head.kind != NOTHING) VX_TRY(decode_coded(task, &it, series));
  vx_apply_masks(&it.masks, brick, halvings, series);
  if (is_full(halvings)) {
    if (it.head.flags & CORRECTED) VX_TRY(vx_correct(task, &it.payload, brick, series));
    VX_CHECK(task, !it.payload.overrun && !vx_bytes_left(&it.payload), "bytes are left over after the parts of a brick");
  }
  if (series != samples) vx_interleave(&found, series, samples);
  return VOXZ_OK;
}
