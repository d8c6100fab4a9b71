/* Bricks of an array, and boxes that are put together from them. */

#include "checksum.h"
#include "codecs.h"
#include "file.h"

voxz_status vx_array_of(voxz_file *file, size_t number, const vx_array **array) {
  if (number >= file->array_count) return vx_fail(&file->task, VOXZ_ARGUMENT, "the file has no array of this number");
  *array = &file->arrays[number];
  return VOXZ_OK;
}

size_t voxz_arrays(const voxz_file *file) { return file->array_count; }

voxz_status voxz_describe(const voxz_file *file, size_t array, voxz_array *description) {
  if (array >= file->array_count) return VOXZ_ARGUMENT;
  *description = file->arrays[array].about;
  return VOXZ_OK;
}

static void box_of_brick(const voxz_array *about, uint64_t brick, voxz_box *box) {
  for (unsigned axis = VOXZ_CHANNELS; axis-- > 0;) {
    const uint64_t part = about->brick[axis], size = about->size[axis], parts = size / part + (size % part != 0);
    box->start[axis] = brick % parts * part;
    box->size[axis] = size - box->start[axis] < part ? size - box->start[axis] : part;
    brick /= parts;
  }
  box->start[VOXZ_CHANNELS] = 0;
  box->size[VOXZ_CHANNELS] = about->size[VOXZ_CHANNELS];
}

voxz_status voxz_brick_box(const voxz_file *file, size_t array, uint64_t brick, voxz_box *box) {
  if (array >= file->array_count || brick >= file->arrays[array].about.bricks) return VOXZ_ARGUMENT;
  box_of_brick(&file->arrays[array].about, brick, box);
  return VOXZ_OK;
}

static uint64_t samples_in(const voxz_box *box) {
  uint64_t count = 1;
  for (unsigned axis = 0; axis < VOXZ_AXES; axis++) count *= box->size[axis];
  return count;
}

/* Read, check and decode a brick whose box is known. */
static voxz_status decode_at(voxz_file *file, const vx_array *array, uint64_t number, const voxz_box *box, void *samples) {
  const uint64_t chunk = array->first_brick + number;
  const uint8_t *entry = file->index + chunk * INDEX_ENTRY;
  const uint64_t length = file->offsets[chunk + 1] - file->offsets[chunk];
  const uint32_t crc32 = (uint32_t)entry[1] | (uint32_t)entry[2] << 8 | (uint32_t)entry[3] << 16 | (uint32_t)entry[4] << 24;
  const vx_brick brick = {
      array->about.dtype,       array->about.itemsize,   (uint32_t)box->size[VOXZ_SERIES],   (uint32_t)box->size[VOXZ_Z],
      (uint32_t)box->size[VOXZ_Y], (uint32_t)box->size[VOXZ_X], (uint32_t)box->size[VOXZ_CHANNELS],
  };
  const size_t used = file->task.used;
  uint8_t *payload;
  VX_TRY(vx_read_checked(file, file->offsets[chunk], length, crc32, &payload));
  VX_TRY(vx_decode_brick(&file->task, entry[0], payload, (size_t)length, &brick, samples));
  file->task.used = used;
  return VOXZ_OK;
}

/* Copy what two boxes share, rows along x with all channels. */
static void copy_shared(const voxz_array *about, const voxz_box *from, const uint8_t *source, const voxz_box *to, uint8_t *target) {
  uint64_t low[4], high[4];
  for (unsigned axis = 0; axis < 4; axis++) {
    const uint64_t a = from->start[axis], b = to->start[axis], c = a + from->size[axis], d = b + to->size[axis];
    low[axis] = a > b ? a : b;
    high[axis] = c < d ? c : d;
    if (low[axis] >= high[axis]) return;
  }
  const size_t voxel = (size_t)about->size[VOXZ_CHANNELS] * about->itemsize;
  for (uint64_t s = low[0]; s < high[0]; s++)
    for (uint64_t z = low[1]; z < high[1]; z++)
      for (uint64_t y = low[2]; y < high[2]; y++) {
        const uint64_t a = (((s - from->start[0]) * from->size[1] + z - from->start[1]) * from->size[2] + y - from->start[2]) * from->size[3];
        const uint64_t b = (((s - to->start[0]) * to->size[1] + z - to->start[1]) * to->size[2] + y - to->start[2]) * to->size[3];
        memcpy(target + (b + low[3] - to->start[3]) * voxel, source + (a + low[3] - from->start[3]) * voxel,
               (size_t)(high[3] - low[3]) * voxel);
      }
}

static int same_box(const voxz_box *a, const voxz_box *b) { return memcmp(a, b, sizeof *a) == 0; }

/* Numbers of the first brick along an axis that a box touches, and of the one behind the last. */
static void touched(const voxz_array *about, const voxz_box *box, unsigned axis, uint64_t *first, uint64_t *behind) {
  *first = box->start[axis] / about->brick[axis];
  *behind = (box->start[axis] + box->size[axis] - 1) / about->brick[axis] + 1;
}

static voxz_status decode_into(voxz_file *file, const vx_array *array, uint64_t number, const voxz_box *box, void *samples) {
  const size_t used = file->task.used;
  voxz_box own;
  uint8_t *decoded;
  box_of_brick(&array->about, number, &own);
  if (same_box(&own, box)) return decode_at(file, array, number, &own, samples);
  VX_NEW(&file->task, decoded, samples_in(&own) * array->about.itemsize);
  VX_TRY(decode_at(file, array, number, &own, decoded));
  copy_shared(&array->about, &own, decoded, box, samples);
  file->task.used = used;
  return VOXZ_OK;
}

voxz_status vx_decode_box(voxz_file *file, const vx_array *array, const voxz_box *box, void *samples) {
  uint64_t first[4], behind[4], parts[4], at[4];
  if (samples_in(box) == 0) return VOXZ_OK;
  for (unsigned axis = 0; axis < 4; axis++) {
    const uint64_t size = array->about.size[axis], part = array->about.brick[axis];
    parts[axis] = size / part + (size % part != 0);
    touched(&array->about, box, axis, &first[axis], &behind[axis]);
  }
  for (at[0] = first[0]; at[0] < behind[0]; at[0]++)
    for (at[1] = first[1]; at[1] < behind[1]; at[1]++)
      for (at[2] = first[2]; at[2] < behind[2]; at[2]++)
        for (at[3] = first[3]; at[3] < behind[3]; at[3]++) {
          const uint64_t number = ((at[0] * parts[1] + at[1]) * parts[2] + at[2]) * parts[3] + at[3];
          VX_TRY(decode_into(file, array, number, box, samples));
        }
  return VOXZ_OK;
}

voxz_status voxz_decode_box(voxz_file *file, size_t number, const voxz_box *box, void *samples, size_t size) {
  const vx_array *array;
  vx_begin(file);
  VX_TRY(vx_array_of(file, number, &array));
  for (unsigned axis = 0; axis < VOXZ_AXES; axis++) {
    const uint64_t all = array->about.size[axis];
    const int inside = box->start[axis] <= all && box->size[axis] <= all - box->start[axis];
    if (!inside || (axis == VOXZ_CHANNELS && box->size[axis] != all))
      return vx_fail(&file->task, VOXZ_ARGUMENT, "the box is not in the array");
  }
  if (samples_in(box) > size / array->about.itemsize) return vx_fail(&file->task, VOXZ_ARGUMENT, "the samples do not fit the room for them");
  return vx_decode_box(file, array, box, samples);
}

voxz_status voxz_decode_brick(voxz_file *file, size_t array, uint64_t brick, void *samples, size_t size) {
  voxz_box box;
  vx_begin(file);
  if (voxz_brick_box(file, array, brick, &box) != VOXZ_OK)
    return vx_fail(&file->task, VOXZ_ARGUMENT, "the file has no brick of this number");
  return voxz_decode_box(file, array, &box, samples, size);
}
