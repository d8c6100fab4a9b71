#include "masked.h"

#include "integers.h"
#include "numbers.h"
#include "plane.h"

static const uint32_t EACH = UINT32_C(1) << 31; /* of a length: a plane for each volume */

static uint64_t read_sample(vx_bytes *from, unsigned itemsize) {
  const uint8_t *at = vx_bytes_take(from, itemsize);
  uint64_t value = 0;
  for (unsigned i = 0; at && i < itemsize; i++) value |= (uint64_t)at[i] << 8 * i;
  return value;
}

static voxz_status read_special(vx_task *task, vx_bytes *payload, const vx_brick *brick, vx_mask *mask) {
  uint8_t *plane;
  const uint32_t size[4] = {brick->series * brick->channels, brick->z, brick->y, brick->x};
  mask->value = read_sample(payload, brick->itemsize);
  mask->volumes = size[0];
  const vx_bytes part = vx_part(payload);
  VX_CHECK(task, !payload->overrun, "a brick ends early");
  VX_TRY(vx_decode_plane(task, part, size, &plane));
  mask->plane = plane;
  return VOXZ_OK;
}

static int is_finite_sample(voxz_dtype dtype, uint64_t value, unsigned itemsize) {
  uint64_t native = 0;
  vx_put_sample(&native, 0, itemsize, value);
  return vx_is_whole(dtype) || vx_is_finite(vx_get_number(dtype, &native, 0));
}

static voxz_status read_constant(vx_task *task, vx_bytes *from, const vx_brick *brick, vx_mask *mask) {
  uint8_t *plane;
  mask->value = read_sample(from, brick->itemsize);
  const uint32_t length = vx_u32(from);
  const uint8_t *data = vx_bytes_take(from, length & ~EACH);
  VX_CHECK(task, data && !from->overrun && is_finite_sample(brick->dtype, mask->value, brick->itemsize),
           "constant background does not fit its brick");
  const uint32_t size[4] = {length & EACH ? brick->series : 1, brick->z, brick->y, brick->x};
  VX_TRY(vx_decode_plane(task, vx_bytes_of(data, length & ~EACH), size, &plane));
  mask->volumes = size[0];
  mask->plane = plane;
  return VOXZ_OK;
}

voxz_status vx_read_background(vx_task *task, vx_bytes *from, const vx_brick *brick, vx_masks *masks) {
  const unsigned constants = vx_u8(from);
  VX_CHECK(task, !from->overrun && constants >= 1 && constants <= VX_MOST_CONSTANTS, "constant background must have 1 to 3 values");
  for (unsigned i = 0; i < constants; i++) VX_TRY(read_constant(task, from, brick, &masks->masks[masks->count++]));
  return VOXZ_OK;
}

/* Background is put in place before special values: -0.0 lies in that of 0.0. So it comes first, though it is read last. */
voxz_status vx_read_masks(vx_task *task, vx_bytes *payload, unsigned specials, int background, const vx_brick *brick, vx_masks *masks) {
  vx_mask found[VX_MOST_SPECIALS];
  VX_CHECK(task, specials <= VX_MOST_SPECIALS, "a brick has too many special values");
  masks->count = 0;
  for (unsigned i = 0; i < specials; i++) VX_TRY(read_special(task, payload, brick, &found[i]));
  if (background) {
    vx_bytes part = vx_part(payload);
    VX_CHECK(task, !payload->overrun, "a brick ends early");
    VX_TRY(vx_read_background(task, &part, brick, masks));
    VX_CHECK(task, !vx_bytes_left(&part), "bytes are left over after the background of a brick");
  }
  for (unsigned i = 0; i < specials; i++) masks->masks[masks->count++] = found[i];
  return VOXZ_OK;
}

void vx_apply_masks(const vx_masks *masks, const vx_brick *brick, const unsigned halvings[3], void *samples) {
  const size_t places = (size_t)brick->z * brick->y * brick->x, volumes = (size_t)brick->series * brick->channels;
  const size_t step_z = (size_t)1 << halvings[0], step_y = (size_t)1 << halvings[1], step_x = (size_t)1 << halvings[2];
  for (unsigned k = 0; k < masks->count; k++) {
    const vx_mask *mask = &masks->masks[k];
    size_t at = 0;
    for (size_t v = 0; v < volumes; v++) {
      const uint8_t *plane = mask->plane + v * mask->volumes / volumes * places;
      for (size_t z = 0; z < brick->z; z += step_z)
        for (size_t y = 0; y < brick->y; y += step_y)
          for (size_t x = 0; x < brick->x; x += step_x, at++)
            if (plane[(z * brick->y + y) * brick->x + x]) vx_put_sample(samples, at, brick->itemsize, mask->value);
    }
  }
}

static voxz_status move_some(vx_task *task, vx_bytes *payload, double unit, const vx_brick *brick, void *samples, const uint32_t size[4]) {
  uint8_t *plane;
  int64_t *units;
  VX_TRY(vx_decode_plane(task, vx_part(payload), size, &plane));
  const size_t places = vx_brick_samples(brick);
  vx_side side = {vx_part(payload)};
  VX_TRY(vx_integers(task, &side, vx_count_plane(plane, places), NULL, 0, &units));
  VX_TRY(vx_side_end(task, &side));
  for (size_t i = 0; i < places; i++)
    if (plane[i]) vx_put_number(brick->dtype, samples, i, vx_get_number(brick->dtype, samples, i) + (double)*units++ * unit);
  return VOXZ_OK;
}

static voxz_status put_exact(vx_task *task, vx_bytes *payload, const vx_brick *brick, void *samples, const uint32_t size[4]) {
  const vx_bytes part = vx_part(payload);
  vx_bytes values = vx_part(payload);
  const size_t places = vx_brick_samples(brick);
  uint8_t *plane = NULL;
  if (vx_bytes_left(&part)) VX_TRY(vx_decode_plane(task, part, size, &plane));
  const uint64_t exact = plane ? vx_count_plane(plane, places) : 0;
  VX_CHECK(task, vx_bytes_left(&values) == exact * brick->itemsize, "exact samples do not fit their bytes");
  for (size_t i = 0; plane && i < places; i++)
    if (plane[i]) vx_put_sample(samples, i, brick->itemsize, read_sample(&values, brick->itemsize));
  return VOXZ_OK;
}

voxz_status vx_correct(vx_task *task, vx_bytes *payload, const vx_brick *brick, void *samples) {
  const uint32_t size[4] = {brick->series * brick->channels, brick->z, brick->y, brick->x};
  const size_t used = task->used;
  const double unit = vx_f64(payload);
  VX_CHECK(task, !payload->overrun && unit > 0 && vx_is_finite(unit), "the unit of corrections must be above 0");
  VX_TRY(move_some(task, payload, unit, brick, samples, size));
  VX_TRY(put_exact(task, payload, brick, samples, size));
  task->used = used;
  return VOXZ_OK;
}

void vx_interleave(const vx_brick *brick, const void *series, void *samples) {
  const size_t places = (size_t)brick->z * brick->y * brick->x, item = brick->itemsize, channels = brick->channels;
  const uint8_t *from = series;
  uint8_t *to = samples;
  for (size_t s = 0; s < brick->series; s++)
    for (size_t c = 0; c < channels; c++)
      for (size_t i = 0; i < places; i++, from += item) memcpy(to + ((s * places + i) * channels + c) * item, from, item);
}
