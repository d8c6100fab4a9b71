#include "floats.h"

#include "codecs.h"
#include "masked.h"
#include "numbers.h"
#include "predictive.h"

#include <math.h>

enum { PALETTE, SCALED, GRID, NOTHING, STEPPED };

unsigned vx_mantissa_of(unsigned width) { return width == 2 ? 10 : width == 4 ? 23 : 52; }
unsigned vx_exponent_of(unsigned width) { return width == 2 ? 5 : width == 4 ? 8 : 11; }

/* A double beyond the range of a float becomes infinite, which C leaves open. */
static float single_of(double value) {
  const double bound = 340282356779733661637539395458142568448.0; /* halfway from the largest float to the next power of two */
  if (value >= bound) return INFINITY;
  return value <= -bound ? -INFINITY : (float)value;
}

uint64_t vx_float_bits(double value, unsigned width) {
  uint64_t bits;
  if (width == 2) return vx_half_of(value);
  if (width == 4) {
    const float single = single_of(value);
    uint32_t found;
    memcpy(&found, &single, sizeof found);
    return found;
  }
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

double vx_float_of(uint64_t bits, unsigned width) {
  double value;
  if (width == 2) return vx_from_half((uint16_t)bits);
  if (width == 4) {
    const uint32_t single_bits = (uint32_t)bits;
    float single;
    memcpy(&single, &single_bits, sizeof single);
    return (double)single;
  }
  memcpy(&value, &bits, sizeof value);
  return value;
}

voxz_status vx_float_integers(vx_task *task, vx_bytes *from, const vx_floats *floats, int32_t **integers) {
  vx_brick brick = floats->brick;
  const size_t places = vx_brick_samples(&brick);
  const vx_bytes part = vx_part(from);
  int32_t *all;
  VX_CHECK(task, !from->overrun, "a brick of floats ends early");
  brick.dtype = VOXZ_INT32;
  brick.itemsize = sizeof *all;
  VX_NEW(task, all, places);
  VX_TRY(vx_decode_present(task, part.at, vx_bytes_left(&part), &brick, floats->present, all));
  size_t kept = 0;
  for (size_t i = 0; i < places && floats->present; i++)
    if (floats->present[i]) all[kept++] = all[i];
  *integers = all;
  return VOXZ_OK;
}

/* Which samples are no special values. */
static voxz_status find_present(vx_task *task, const vx_masks *specials, vx_floats *floats) {
  const size_t places = vx_brick_samples(&floats->brick);
  uint8_t *present;
  floats->count = places;
  if (specials->count == 0) return VOXZ_OK;
  VX_NEW(task, present, places);
  floats->count = 0;
  for (size_t i = 0; i < places; i++) {
    present[i] = 1;
    for (unsigned k = 0; k < specials->count; k++) present[i] &= !specials->masks[k].plane[i];
    floats->count += present[i];
  }
  floats->present = present;
  return VOXZ_OK;
}

/* Floats at their places, of the width of the brick. */
static void place(const vx_floats *from, void *floats) {
  const unsigned width = from->brick.itemsize;
  const size_t places = vx_brick_samples(&from->brick);
  const uint64_t *bits = from->bits;
  for (size_t i = 0; i < places; i++) {
    if (from->present && !from->present[i]) continue;
    vx_put_sample(floats, i, width, from->width == width ? *bits : vx_float_bits(vx_float_of(*bits, from->width), width));
    bits++;
  }
}

static voxz_status decode_kind(vx_task *task, unsigned kind, vx_bytes *from, vx_floats *floats) {
  VX_NEW(task, floats->bits, floats->count);
  if (kind == PALETTE) return vx_palette_floats(task, from, floats);
  if (kind == SCALED) return vx_scaled_floats(task, from, floats);
  if (kind == GRID) return vx_grid_floats(task, from, floats);
  return vx_stepped_floats(task, from, floats);
}

/* Complex samples are two channels of floats. */
static vx_brick parts_of(const vx_brick *brick) {
  vx_brick parts = *brick;
  if (brick->dtype == VOXZ_COMPLEX64 || brick->dtype == VOXZ_COMPLEX128) {
    parts.dtype = brick->dtype == VOXZ_COMPLEX64 ? VOXZ_FLOAT32 : VOXZ_FLOAT64;
    parts.itemsize /= 2;
    parts.channels *= 2;
  }
  return parts;
}

voxz_status vx_decode_floats(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples) {
  const vx_brick parts = parts_of(brick);
  vx_floats floats = {.brick = parts};
  vx_masks specials;
  vx_bytes from = vx_bytes_of(payload, size);
  const unsigned kind = vx_u8(&from), width = vx_u8(&from), count = vx_u8(&from);
  uint8_t *found;
  if (kind > STEPPED) return vx_fail(task, VOXZ_UNSUPPORTED, "a brick of floats is of a kind that format 1.0 does not know");
  VX_CHECK(task, (width == 2 || width == 4 || width == 8) && width <= parts.itemsize, "a brick of floats has floats of an impossible width");
  floats.brick.series *= parts.channels;
  floats.brick.channels = 1;
  floats.width = width;
  VX_TRY(vx_read_masks(task, &from, count, 0, &parts, &specials));
  VX_TRY(find_present(task, &specials, &floats));
  VX_NEW(task, found, vx_brick_samples(&parts) * parts.itemsize);
  if (kind != NOTHING) {
    VX_TRY(decode_kind(task, kind, &from, &floats));
    place(&floats, found);
  }
  VX_CHECK(task, !from.overrun && from.at == from.end, "bytes are left over after the parts of a brick of floats");
  vx_apply_masks(&specials, &parts, VX_FULL, found);
  vx_interleave(&parts, found, samples);
  return VOXZ_OK;
}
