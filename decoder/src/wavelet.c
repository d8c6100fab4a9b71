/* Codec 4: volumes and series with loss, and whole numbers without, as the coefficients of wavelet pyramids. */

#include "bands.h"
#include "codecs.h"
#include "fast.h"
#include "filters.h"
#include "heavy.h"
#include "klt.h"
#include "masked.h"
#include "models.h"
#include "numbers.h"
#include "transform.h"

#include <math.h>

enum { LOSSY, LOSSLESS, NOTHING };
enum { BACKGROUND = 1, BASIS = 2, CORRECTED = 4, RESTORED = 8, HEAVY = 16, FAST = 32, FLAGS = 63 };
enum { UNTRAINED, NAMED, OWN, MOST_RANGES = 8 };

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

/* Whether the fields fit each other, so that no sum of coefficients leaves the range of doubles. */
static int is_possible(const head *head, voxz_dtype dtype) {
  double lowest, highest;
  vx_limits(dtype, &lowest, &highest);
  if (!(lowest <= head->low && head->low <= head->high && head->high <= highest)) return 0;
  const double size = fabs(head->low) > fabs(head->high) ? fabs(head->low) : fabs(head->high), range = head->high - head->low;
  if (!(size <= LARGEST_SAMPLE) || !(fabs(head->offset) <= size + 1)) return 0;
  if (head->flags & FAST && !is_possibly_fast(head, size)) return 0;
  for (unsigned axis = 0; axis < 3; axis++)
    if (head->scales[axis] > VX_MOST_SCALES) return 0;
  if (head->kind == LOSSY) return LEAST <= head->step && head->step <= MOST_RANGES * (range > LEAST ? range : LEAST);
  return head->step == 0 && !(head->flags & (BASIS | CORRECTED | RESTORED)) && (head->kind != LOSSLESS || vx_is_whole(dtype));
}

static voxz_status check_head(vx_task *task, const decoding *it) {
  const head *head = &it->head;
  VX_CHECK(task, !it->payload.overrun, "a brick ends early");
  if (head->kind > NOTHING || head->flags > FLAGS || !vx_is_trellis(head->states) || head->transform > OWN)
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
                              NULL};
  it->pyramid = pyramid;
  VX_TRY(read_transform(task, it));
  VX_TRY(read_network(task, it));
  return vx_read_masks(task, &it->payload, it->head.specials, it->head.flags & BACKGROUND, brick, &it->masks);
}

static void round_all(double *values, size_t count) {
  for (size_t i = 0; i < count; i++) values[i] = vx_rounded(values[i]);
}

static voxz_status decode_volumes(vx_task *task, decoding *it, double *values) {
  double *basis = NULL;
  if (it->head.flags & BASIS) VX_TRY(vx_read_basis(task, vx_part(&it->payload), it->volumes, it->volumes, &basis));
  const vx_bytes part = vx_part(&it->payload);
  VX_CHECK(task, !it->payload.overrun, "a brick ends early");
  if (it->head.flags & FAST)
    VX_TRY(vx_decode_fast_bands(task, part, &it->pyramid, it->volumes, it->head.states, values));
  else
    VX_TRY(vx_decode_bands(task, part, &it->pyramid, it->volumes, it->head.states, it->network, values));
  if (it->head.kind == LOSSLESS) round_all(values, it->volumes * it->places);
  for (uint32_t v = 0; v < it->volumes; v++) VX_TRY(vx_synthesise(task, &it->pyramid, values + v * it->places));
  return basis ? vx_mix(task, basis, it->volumes, it->volumes, it->places, values) : VOXZ_OK;
}

static voxz_status restore_volumes(vx_task *task, decoding *it, double *values) {
  vx_filters filters;
  if (!(it->head.flags & RESTORED)) return VOXZ_OK;
  VX_TRY(vx_read_restoration(task, vx_part(&it->payload), &filters));
  for (uint32_t v = 0; v < it->volumes; v++)
    VX_TRY(vx_restore(task, &filters, it->pyramid.size, it->head.step, values + v * it->places));
  return VOXZ_OK;
}

static voxz_status decode_coded(vx_task *task, decoding *it, void *series) {
  const voxz_dtype dtype = it->brick->dtype;
  const int whole = vx_is_whole(dtype);
  const size_t count = it->volumes * it->places, used = task->used;
  double *values;
  VX_NEW(task, values, count);
  VX_TRY(decode_volumes(task, it, values));
  VX_TRY(restore_volumes(task, it, values));
  for (size_t i = 0; i < count; i++) {
    const double value = values[i] + it->head.offset, rounded = whole ? floor(value + 0.5) : value;
    const double held = rounded > it->head.low ? rounded : it->head.low;
    vx_put_number(dtype, series, i, held < it->head.high ? held : it->head.high);
  }
  task->used = used;
  return VOXZ_OK;
}

voxz_status vx_decode_wavelet(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples) {
  decoding it;
  uint8_t *series = samples;
  VX_TRY(begin(task, &it, brick, payload, size));
  if (brick->channels > 1) VX_NEW(task, series, vx_brick_samples(brick) * brick->itemsize);
  if (it.head.kind != NOTHING) VX_TRY(decode_coded(task, &it, series));
  vx_apply_masks(&it.masks, brick, series);
  if (it.head.flags & CORRECTED) VX_TRY(vx_correct(task, &it.payload, brick, series));
  VX_CHECK(task, !it.payload.overrun && !vx_bytes_left(&it.payload), "bytes are left over after the parts of a brick");
  if (series != samples) vx_interleave(brick, series, samples);
  return VOXZ_OK;
}
