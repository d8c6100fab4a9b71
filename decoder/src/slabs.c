/* Samples in memory order, slab by slab.

   The streaming axis is the slowest along which a brick is longer than 1. The bricks that share their range of it and of the
   axes above it are a slab: consecutive samples, at most 256 MiB. */

#include "bytes.h"
#include "checksum.h"
#include "file.h"

static uint64_t parts_along(const voxz_array *about, unsigned axis) {
  return about->size[axis] / about->brick[axis] + (about->size[axis] % about->brick[axis] != 0);
}

static unsigned streaming_axis(const voxz_array *about) {
  unsigned axis = 0;
  while (axis < VOXZ_X && (about->brick[axis] < about->size[axis] ? about->brick[axis] : about->size[axis]) <= 1) axis++;
  return axis;
}

/* Box of a slab by its number. */
static void box_of_slab(const voxz_array *about, uint64_t number, voxz_box *box) {
  const unsigned streamed = streaming_axis(about);
  for (unsigned axis = VOXZ_AXES; axis-- > 0;) {
    box->start[axis] = 0;
    box->size[axis] = about->size[axis];
    if (axis > streamed) continue;
    const uint64_t parts = parts_along(about, axis);
    box->start[axis] = number % parts * about->brick[axis];
    number /= parts;
    const uint64_t left = about->size[axis] - box->start[axis];
    box->size[axis] = left < about->brick[axis] ? left : about->brick[axis];
  }
}

/* Number of the slab that has a sample. */
static uint64_t slab_of(const voxz_array *about, uint64_t sample) {
  const unsigned streamed = streaming_axis(about);
  uint64_t place[VOXZ_AXES], number = 0;
  for (unsigned axis = VOXZ_AXES; axis-- > 0;) {
    place[axis] = sample % about->size[axis];
    sample /= about->size[axis];
  }
  for (unsigned axis = 0; axis <= streamed; axis++) number = number * parts_along(about, axis) + place[axis] / about->brick[axis];
  return number;
}

static void range_of(const voxz_array *about, const voxz_box *box, uint64_t *first, uint64_t *count) {
  *first = 0;
  *count = 1;
  for (unsigned axis = 0; axis < VOXZ_AXES; axis++) {
    *first = *first * about->size[axis] + box->start[axis];
    *count *= box->size[axis];
  }
}

static voxz_status decode_slab(voxz_file *file, const vx_array *array, const voxz_box *box, uint64_t count, uint8_t **samples) {
  const voxz_array *about = &array->about;
  VX_NEW(&file->task, *samples, count * about->itemsize);
  const size_t used = file->task.used;
  VX_TRY(vx_decode_box(file, array, box, *samples));
  file->task.used = used;
  if (about->big_endian != vx_is_big_endian())
    vx_swap(*samples, (size_t)count * about->itemsize, vx_number_size(about->dtype, about->itemsize));
  return VOXZ_OK;
}

voxz_status vx_slab_with(voxz_file *file, size_t number, uint64_t sample, const uint8_t **samples, uint64_t *first, uint64_t *count) {
  const vx_array *array = &file->arrays[number];
  const uint64_t slab = slab_of(&array->about, sample);
  voxz_box box;
  box_of_slab(&array->about, slab, &box);
  range_of(&array->about, &box, first, count);
  if (!file->slab.samples || file->slab.array != number || file->slab.number != slab) {
    uint8_t *decoded;
    file->slab.samples = NULL;
    file->task.used = file->kept;
    VX_TRY(decode_slab(file, array, &box, *count, &decoded));
    file->slab = (vx_slab){decoded, number, slab};
  }
  *samples = file->slab.samples;
  return VOXZ_OK;
}

voxz_status vx_write(voxz_file *file, const voxz_sink *sink, const void *bytes, size_t length) {
  if (length > 0 && sink->write(sink->user, bytes, length) != 0)
    return vx_fail(&file->task, VOXZ_SOURCE, "the caller's function does not take what was decoded");
  return VOXZ_OK;
}

voxz_status voxz_samples(voxz_file *file, size_t number, const voxz_sink *sink) {
  const vx_array *array;
  const uint8_t *samples;
  uint64_t first, count, all;
  uint8_t digest[32];
  vx_sha256 sum;
  vx_begin(file);
  VX_TRY(vx_array_of(file, number, &array));
  vx_sha256_start(&sum);
  all = 1;
  for (unsigned axis = 0; axis < VOXZ_AXES; axis++) all *= array->about.size[axis];
  for (uint64_t at = 0; at < all; at += count) {
    VX_TRY(vx_slab_with(file, number, at, &samples, &first, &count));
    vx_sha256_add(&sum, samples, (size_t)count * array->about.itemsize);
    VX_TRY(vx_write(file, sink, samples, (size_t)count * array->about.itemsize));
  }
  vx_sha256_finish(&sum, digest);
  VX_CHECK(&file->task, VX_FITS(memcmp(digest, array->about.sha256, sizeof digest) == 0), "the samples do not match their checksum");
  return VOXZ_OK;
}
