/* Codec 1: integers, predicted from their neighbours. */

#include "predictive.h"

#include "codecs.h"
#include "interlaced.h"
#include "masked.h"
#include "mixed_walk.h"
#include "predictive_walk.h"
#include "value_map.h"

enum { CONSTANT = 0, FIRST_MIXED = 6, UNUSED = 8, LAST_MIXED = 9, INTERLACED = 10, STEPPED = 16, BACKGROUND = 32 };

typedef struct parts {
  unsigned settings;
  int stepped;
  vx_side side;
  const uint8_t *words;
  size_t words_length;
  vx_bytes rest;
} parts;

static voxz_status split(vx_task *task, const uint8_t *payload, size_t size, parts *made) {
  vx_bytes from = vx_bytes_of(payload, size);
  const unsigned number = vx_u8(&from);
  const uint32_t side_length = vx_u32(&from);
  made->words_length = vx_u32(&from);
  made->stepped = number > STEPPED;
  made->settings = made->stepped ? number - STEPPED : number;
  const uint8_t *side = vx_bytes_take(&from, side_length);
  made->words = vx_bytes_take(&from, made->words_length);
  VX_CHECK(task, !from.overrun, "the parts of a predictive brick do not fit its bytes");
  if (made->settings > INTERLACED || made->settings == UNUSED)
    return vx_fail(task, VOXZ_UNSUPPORTED, "a predictive brick has settings that format 1.0 does not know");
  const int by_tables = made->settings > CONSTANT && made->settings < FIRST_MIXED;
  VX_CHECK(task, !by_tables || (made->words_length >= VX_FEWEST_WORDS && made->words_length % 2 == 0),
           "the parts of a predictive brick do not fit its bytes");
  made->side.bytes = vx_bytes_of(side, side_length);
  made->rest = from;
  return VOXZ_OK;
}

static voxz_status fill(vx_task *task, const vx_values *values, const vx_brick *brick, void *samples) {
  VX_TRY(vx_check_values(task, values, brick));
  const size_t count = vx_brick_samples(brick);
  const uint64_t value = (uint64_t)vx_stored_value(values, 0);
  for (size_t i = 0; i < count; i++) vx_put_sample(samples, i, brick->itemsize, value);
  return VOXZ_OK;
}

/* Which places of the padded array are absent: channels share what is present. */
static voxz_status pad_absent(vx_task *task, const vx_brick *brick, const uint8_t *present, vx_padded *padded) {
  uint8_t *absent;
  const int64_t rows = padded->depth * padded->height;
  VX_NEW(task, absent, padded->size);
  for (int64_t s = 0; s < padded->series; s++)
    for (int64_t r = 0; r < rows; r++) {
      uint8_t *row = absent + vx_place(padded, s, r / padded->height, r % padded->height);
      const uint8_t *there = present + (s / brick->channels * rows + r) * padded->width;
      for (int64_t x = 0; x < padded->width; x++) row[x] = !there[x];
    }
  padded->absent = absent;
  return VOXZ_OK;
}

static voxz_status walk_by_tables(vx_task *task, parts *of, vx_padded *padded, const vx_predictor *predictor, const vx_quantiser *quantiser) {
  vx_tables *tables;
  vx_residuals from;
  VX_NEW(task, tables, 1);
  VX_TRY(vx_read_tables(task, &of->side, tables));
  VX_TRY(vx_side_end(task, &of->side));
  vx_start_residuals(&from, of->words, of->words_length, of->rest.at, vx_bytes_left(&of->rest));
  return vx_walk_predictive(task, padded, predictor, of->settings, tables, quantiser, &from);
}

static voxz_status walk(vx_task *task, parts *of, const vx_values *values, const vx_brick *brick, const uint8_t *present, void *samples) {
  vx_padded padded = {0};
  vx_store store;
  vx_predictor predictor;
  vx_quantiser quantiser = {0, 0, 0, 0, 0};
  if (of->stepped) VX_TRY(vx_read_quantiser(task, &of->side, &quantiser));
  VX_TRY(vx_start_store(task, values, brick, samples, &store));
  VX_TRY(vx_padded_of(task, brick, &padded));
  padded.highest = values->highest;
  VX_TRY(vx_read_predictor(task, &of->side, of->settings, &padded, &predictor));
  VX_TRY(vx_choose_sums(task, &padded, &predictor));
  if (present) VX_TRY(pad_absent(task, brick, present, &padded));
  if (of->settings >= FIRST_MIXED) {
    VX_TRY(vx_side_end(task, &of->side));
    VX_TRY(vx_walk_mixed(task, &padded, &predictor, of->settings, &quantiser, of->words, vx_bytes_left(&of->rest) + of->words_length));
  } else {
    VX_TRY(walk_by_tables(task, of, &padded, &predictor, &quantiser));
  }
  const int64_t rows = padded.depth * padded.height;
  for (int64_t row = 0; row < padded.series * rows; row++) {
    const int64_t within = row % rows;
    vx_store_row(&store, row, padded.samples + vx_place(&padded, row / rows, within / padded.height, within % padded.height));
  }
  return VOXZ_OK;
}

voxz_status vx_decode_present(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, const uint8_t *present,
                              void *samples) {
  const size_t used = task->used;
  parts of;
  vx_values values;
  VX_TRY(split(task, payload, size, &of));
  VX_TRY(vx_read_values(task, &of.side, &values));
  if (of.settings == CONSTANT) {
    VX_TRY(vx_side_end(task, &of.side));
    VX_TRY(fill(task, &values, brick, samples));
  } else if (of.settings <= LAST_MIXED) {
    VX_TRY(walk(task, &of, &values, brick, present, samples));
  } else {
    VX_CHECK(task, !present && !of.stepped, "a brick of the fast walk has loss or samples left out, which that walk does not know");
    VX_TRY(vx_decode_interlaced(task, &of.side, &values, of.words, of.words_length, of.rest, brick, samples));
  }
  task->used = used;
  return VOXZ_OK;
}

/* Whether a mask has a voxel: its plane is one for each volume, or the same for all. */
static int masked(const vx_mask *mask, const vx_brick *brick, size_t voxel) {
  const size_t volume = (size_t)brick->z * brick->y * brick->x;
  return mask->plane[mask->volumes == 1 ? voxel % volume : voxel];
}

/* Put the background in place, in all channels. */
static void put_background(const vx_masks *background, const vx_brick *brick, size_t voxels, void *samples) {
  for (unsigned m = 0; m < background->count; m++)
    for (size_t i = 0; i < voxels; i++)
      for (size_t c = 0; c < brick->channels && masked(&background->masks[m], brick, i); c++)
        vx_put_sample(samples, i * brick->channels + c, brick->itemsize, background->masks[m].value);
}

static voxz_status decode_with_background(vx_task *task, vx_bytes from, const vx_brick *brick, void *samples) {
  const size_t voxels = (size_t)brick->series * brick->z * brick->y * brick->x;
  vx_masks background = {0};
  uint8_t *present;
  VX_TRY(vx_read_background(task, &from, brick, &background));
  VX_NEW(task, present, voxels);
  memset(present, 1, voxels);
  for (unsigned m = 0; m < background.count; m++)
    for (size_t i = 0; i < voxels; i++) present[i] &= !masked(&background.masks[m], brick, i);
  VX_TRY(vx_decode_present(task, from.at, vx_bytes_left(&from), brick, present, samples));
  put_background(&background, brick, voxels, samples);
  return VOXZ_OK;
}

voxz_status vx_decode_predictive(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples) {
  if (size > 0 && payload[0] == BACKGROUND) return decode_with_background(task, vx_bytes_of(payload + 1, size - 1), brick, samples);
  return vx_decode_present(task, payload, size, brick, NULL, samples);
}
