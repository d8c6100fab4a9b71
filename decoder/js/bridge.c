/* What JavaScript calls: the functions of voxz.h over numbers that it has, for one file in one instance of the module.

   A file is read through the imported functions `read` and `model`. They answer at once, from what JavaScript has, or fail; then
   JavaScript fetches what was missing and calls again. */

#include "voxz.h"

#define IMPORT(name) __attribute__((import_module("voxz"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

IMPORT("read") int js_read(double offset, void *to, size_t length);
IMPORT("write") int js_write(const void *bytes, size_t length);
IMPORT("model") int js_model(const char *sha256, const void **bytes, size_t *size);

static int read_through(void *user, uint64_t offset, void *to, size_t length) {
  (void)user;
  return js_read((double)offset, to, length);
}

static int model_through(void *user, const char *sha256, const void **bytes, size_t *size) {
  (void)user;
  return js_model(sha256, bytes, size);
}

static int write_through(void *user, const void *bytes, size_t length) {
  (void)user;
  return js_write(bytes, length);
}

static const voxz_sink SINK = {write_through, NULL};

EXPORT("open") int js_open(double size, void *memory, size_t length, voxz_file **file) {
  const voxz_source source = {(uint64_t)size, read_through, model_through, NULL};
  return voxz_open(&source, memory, length, file);
}

/* Numbers of an array, in the order of voxz_array, and its SHA-256. */
EXPORT("describe_array") int js_describe_array(const voxz_file *file, size_t array, double *numbers, uint8_t *sha256) {
  voxz_array about;
  const voxz_status status = voxz_describe_array(file, array, &about);
  if (status != VOXZ_OK) return status;
  const double first[] = {about.dtype, about.itemsize, about.big_endian, about.first_axis_fastest, about.axes,
                          (double)about.bricks, about.resolutions, about.level, about.lossy, about.bound};
  for (size_t k = 0; k < sizeof first / sizeof *first; k++) *numbers++ = first[k];
  for (size_t k = 0; k < 7; k++) *numbers++ = (double)about.shape[k];
  for (size_t k = 0; k < VOXZ_AXES; k++) *numbers++ = (double)about.size[k];
  for (size_t k = 0; k < VOXZ_AXES; k++) *numbers++ = (double)about.brick[k];
  for (size_t k = 0; k < 32; k++) sha256[k] = about.sha256[k];
  return VOXZ_OK;
}

/* Numbers of a file, in the order of voxz_entry, but with where its name lies, and how long that is, at the end. */
EXPORT("describe_entry") int js_describe_entry(voxz_file *file, size_t entry, double *numbers) {
  voxz_entry about;
  const voxz_status status = voxz_describe_entry(file, entry, &about);
  if (status != VOXZ_OK) return status;
  const double found[] = {(double)about.size,  about.crc32,         about.gzipped,
                          (double)about.samples, (double)about.array, (double)about.first,
                          (double)(uintptr_t)about.name, (double)about.name_length};
  for (size_t k = 0; k < sizeof found / sizeof *found; k++) *numbers++ = found[k];
  return VOXZ_OK;
}

/* Start and size of a brick along the five canonical axes; of all of them for a negative number. */
EXPORT("brick_box") int js_brick_box(voxz_file *file, size_t array, double brick, unsigned resolution, double *numbers) {
  voxz_box box;
  const voxz_status status = voxz_brick_box(file, array, brick < 0 ? VOXZ_WHOLE : (uint64_t)brick, resolution, &box);
  if (status != VOXZ_OK) return status;
  for (size_t k = 0; k < VOXZ_AXES; k++) *numbers++ = (double)box.start[k];
  for (size_t k = 0; k < VOXZ_AXES; k++) *numbers++ = (double)box.size[k];
  return VOXZ_OK;
}

EXPORT("decode_brick") int js_decode_brick(voxz_file *file, size_t array, double brick, unsigned resolution, void *samples, size_t size) {
  voxz_box box;
  const voxz_status status = voxz_brick_box(file, array, (uint64_t)brick, resolution, &box);
  return status == VOXZ_OK ? voxz_decode(file, array, resolution, &box, samples, size) : status;
}

EXPORT("restore") int js_restore(voxz_file *file, size_t entry, int part) { return voxz_restore(file, entry, (voxz_part)part, &SINK); }

EXPORT("samples") int js_samples(voxz_file *file, size_t array) { return voxz_samples(file, array, &SINK); }

EXPORT("message") const char *js_message(const voxz_file *file) { return voxz_message(file); }
