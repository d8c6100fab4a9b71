/* Even slices come first, each predicted from the even one before it; then the odd one between them, predicted from both. */

#include "blocks.h"

#include "blocks_borders.h"
#include "blocks_code.h"
#include "blocks_cosine.h"
#include "blocks_within.h"
#include "motion.h"

enum { SIDE = 16 }; /* of the blocks of a field */

/* Step of blocks, as a part of the brick's; step of slices that no other is predicted from, as a multiple of that of others. */
static const double STEP = 0.74, STEP_BETWEEN = 1.05;

/* Magnitude of a sample at most: sums of such stay in the range of doubles. */
static const double LARGEST_SAMPLE = 1e300;

/* What is kept of a slice for those that are predicted from it. */
typedef struct kept {
  double *samples;
  uint8_t *modes;
} kept;

typedef struct decoding {
  vx_block_code *code;
  vx_bases bases;
  vx_block_slice slice; /* its `samples`, `modes` and `modes_before` are those of kept slices */
  vx_fields *fields;
  vx_block *field;
  vx_square predicted, coefficients, rebuilt;
  size_t plane, units; /* samples of a slice, entries of a map */
  double step;
} decoding;

static void fill_map(const vx_block_slice *slice, uint8_t *map, size_t y, size_t x, unsigned size, unsigned value) {
  for (size_t k = 0; k < (size_t)1 << size; k++)
    memset(map + (y / VX_UNIT + k) * vx_units(slice) + x / VX_UNIT, (int)value, (size_t)1 << size);
}

static void predict(decoding *it, size_t y, size_t x, unsigned size, unsigned mode) {
  const vx_block_slice *slice = &it->slice;
  const size_t side = (size_t)VX_UNIT << size;
  if (mode == VX_ACROSS)
    for (size_t row = 0; row < side; row++)
      memcpy(it->predicted[row], slice->likely + (y + row) * slice->width + x, side * sizeof *slice->likely);
  else
    vx_predict_within(slice, y, x, size, mode, it->predicted);
}

/* What predicts a block, and what its indices add, are its samples. */
static void rebuild(decoding *it, size_t y, size_t x, unsigned size, unsigned last) {
  const vx_block_slice *slice = &it->slice;
  const unsigned side = VX_UNIT << size, most = last < side ? last : side;
  for (size_t row = 0; row < most; row++)
    for (size_t column = 0; column < most; column++)
      it->coefficients[row][column] = slice->step * (double)slice->indices[(y + row) * slice->width + x + column];
  vx_block_samples(&it->bases, size, most, it->coefficients, it->rebuilt);
  for (size_t row = 0; row < side; row++)
    for (size_t column = 0; column < side; column++)
      slice->samples[(y + row) * slice->width + x + column] = it->rebuilt[row][column] + it->predicted[row][column];
}

static voxz_status decode_block(vx_task *task, decoding *it, size_t y, size_t x, unsigned size) {
  vx_block_slice *slice = &it->slice;
  if (size && vx_block_is_split(it->code, slice, y, x, size)) {
    const size_t half = (size_t)VX_UNIT << (size - 1);
    for (unsigned k = 0; k < 4; k++) VX_TRY(decode_block(task, it, y + (k >> 1) * half, x + (k & 1) * half, size - 1));
    return VOXZ_OK;
  }
  const unsigned mode = vx_block_mode(it->code, slice, y, x, size), last = vx_block_last(it->code, slice, y, x, size, mode);
  VX_CHECK(task, last < 2u * VX_UNIT << size, "the blocks of a brick are damaged");
  VX_TRY(vx_block_indices(task, it->code, slice, y, x, size, mode, last));
  fill_map(slice, slice->sizes, y, x, size, size);
  fill_map(slice, slice->modes, y, x, size, mode);
  fill_map(slice, slice->lasts, y, x, size, last);
  predict(it, y, x, size, mode);
  rebuild(it, y, x, size, last);
  fill_map(slice, slice->known, y, x, size, 1);
  return VOXZ_OK;
}

/* Make the slice one of which nothing is known but what others make of it. */
static voxz_status begin_slice(vx_task *task, decoding *it, const kept *to, const kept *before, const kept *after) {
  vx_block_slice *slice = &it->slice;
  const uint32_t size[2] = {(uint32_t)slice->height, (uint32_t)slice->width};
  slice->kind = !before ? VX_ALONE : !after ? VX_FROM_BEFORE : VX_FROM_BOTH;
  slice->step = it->step * (after ? STEP_BETWEEN : 1.0);
  slice->samples = to->samples;
  slice->modes = to->modes;
  memset(slice->indices, 0, it->plane * sizeof *slice->indices);
  memset(slice->known, 0, it->units);
  if (!before) return VOXZ_OK;
  slice->modes_before = before->modes;
  VX_TRY(vx_take_field(task, it->fields, after != NULL, size[0] / SIDE, size[1] / SIDE, it->field));
  return vx_predict_moved(task, before->samples, after ? after->samples : before->samples, size, SIDE, it->field, slice->likely);
}

static voxz_status decode_slice(vx_task *task, decoding *it, const kept *to, const kept *before, const kept *after) {
  vx_block_slice *slice = &it->slice;
  VX_TRY(begin_slice(task, it, to, before, after));
  for (size_t y = 0; y < slice->height; y += VX_LARGEST)
    for (size_t x = 0; x < slice->width; x += VX_LARGEST) VX_TRY(decode_block(task, it, y, x, VX_SIZES - 1));
  for (size_t k = 0; k < it->plane; k++) {
    const double value = slice->samples[k];
    VX_CHECK(task, -LARGEST_SAMPLE <= value && value <= LARGEST_SAMPLE, "the blocks of a brick are damaged");
  }
  vx_smooth_borders(slice);
  return VOXZ_OK;
}

static voxz_status begin(vx_task *task, decoding *it, kept slices[3]) {
  vx_block_slice *slice = &it->slice;
  for (unsigned k = 0; k < 3; k++) {
    VX_NEW(task, slices[k].samples, it->plane);
    VX_NEW(task, slices[k].modes, it->units);
  }
  VX_NEW(task, slice->likely, it->plane);
  VX_NEW(task, slice->indices, it->plane);
  VX_NEW(task, slice->sizes, it->units);
  VX_NEW(task, slice->lasts, it->units);
  VX_NEW(task, slice->known, it->units);
  VX_NEW(task, it->field, it->plane / (SIDE * SIDE));
  vx_fill_bases(&it->bases);
  return VOXZ_OK;
}

/* Put a decoded slice in its place of the volume, without what fills its blocks up. */
static void put(const decoding *it, const kept *slice, const uint32_t size[3], size_t z, double *values) {
  for (size_t y = 0; y < size[1]; y++)
    memcpy(values + (z * size[1] + y) * size[2], slice->samples + y * it->slice.width, size[2] * sizeof *values);
}

static voxz_status decode_slices(vx_task *task, decoding *it, kept slices[3], const uint32_t size[3], double *values) {
  kept *before = &slices[0], *after = &slices[1], *between = &slices[2];
  VX_TRY(decode_slice(task, it, before, NULL, NULL));
  put(it, before, size, 0, values);
  for (size_t z = 2; z < size[0]; z += 2) {
    VX_TRY(decode_slice(task, it, after, before, NULL));
    VX_TRY(decode_slice(task, it, between, before, after));
    put(it, after, size, z, values);
    put(it, between, size, z - 1, values);
    kept *next = before;
    before = after;
    after = next;
  }
  if (size[0] % 2) return VOXZ_OK;
  VX_TRY(decode_slice(task, it, between, before, NULL));
  put(it, between, size, size[0] - 1, values);
  return VOXZ_OK;
}

static size_t whole_blocks(uint32_t length) { return ((size_t)length + VX_LARGEST - 1) / VX_LARGEST * VX_LARGEST; }

voxz_status vx_decode_blocks(vx_task *task, vx_bytes fields, vx_bytes stream, const uint32_t size[3], double step, double *values) {
  const size_t used = task->used;
  kept slices[3];
  decoding *it;
  VX_CHECK(task, size[0] > 1 && size[1] >= VX_LARGEST && size[2] >= VX_LARGEST, "a brick has no room for blocks");
  VX_NEW(task, it, 1);
  it->slice.height = whole_blocks(size[1]);
  it->slice.width = whole_blocks(size[2]);
  it->plane = it->slice.height * it->slice.width;
  it->units = it->plane / (VX_UNIT * VX_UNIT);
  it->step = step * STEP;
  VX_TRY(begin(task, it, slices));
  VX_TRY(vx_begin_fields(task, fields, &it->fields));
  VX_TRY(vx_new_block_code(task, stream, &it->code));
  VX_TRY(decode_slices(task, it, slices, size, values));
  VX_TRY(vx_end_fields(task, it->fields));
  VX_CHECK(task, it->code->coder.position == it->code->coder.size, "the blocks of a brick do not end where their part does");
  task->used = used;
  return VOXZ_OK;
}
