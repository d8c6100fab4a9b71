/* What JavaScript calls: the functions of voxz.h over numbers that it has, for one file in one instance of the module.

   A file is read through the imported function `read`. It answers at once, from what JavaScript has of the file, or fails; then
   JavaScript fetches what was missing and calls again. */

#include "voxz.h"

#define IMPORT(name) __attribute__((import_module("voxz"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

IMPORT("read") int js_read(double offset, void *to, size_t length);
IMPORT("write") int js_write(const void *bytes, size_t length);

static int read_through(void *user, uint64_t offset, void *to, size_t length) {
  (void)user;
  return js_read((double)offset, to, length);
}

static int write_through(void *user, const void *bytes, size_t length) {
  (void)user;
  return js_write(bytes, length);
}

static const voxz_sink SINK = {write_through, NULL};

EXPORT("open") int js_open(double size, void *memory, size_t length, voxz_file **file) {
  const voxz_source source = {(uint64_t)size, read_through, NULL};
  return voxz_open(&source, memory, length, file);
}

EXPORT("arrays") size_t js_arrays(const voxz_file *file) { return voxz_arrays(file); }

EXPORT("entries") int js_entries(voxz_file *file, size_t *count) { return voxz_entries(file, count); }

/* Numbers of an array, in the order of voxz_array, and its SHA-256. */
EXPORT("describe") int js_describe(const voxz_file *file, size_t array, double *numbers, uint8_t *sha256) {
  voxz_array about;
  const voxz_status status = voxz_describe(file, array, &about);
  if (status != VOXZ_OK) return status;
  const double first[] = {about.dtype, about.itemsize, about.big_endian, about.first_axis_fastest, about.axes,
                          about.level, about.lossy, about.bound, (double)about.bricks};
  for (size_t k = 0; k < sizeof first / sizeof *first; k++) *numbers++ = first[k];
  for (size_t k = 0; k < 7; k++) *numbers++ = (double)about.shape[k];
  for (size_t k = 0; k < VOXZ_AXES; k++) *numbers++ = (double)about.size[k];
  for (size_t k = 0; k < VOXZ_AXES; k++) *numbers++ = (double)about.brick[k];
  for (size_t k = 0; k < 32; k++) sha256[k] = about.sha256[k];
  return VOXZ_OK;
}

/* Start and size of a brick along the five canonical axes. */
EXPORT("brick_box") int js_brick_box(const voxz_file *file, size_t array, double brick, double *numbers) {
  voxz_box box;
  const voxz_status status = voxz_brick_box(file, array, (uint64_t)brick, &box);
  if (status != VOXZ_OK) return status;
  for (size_t k = 0; k < VOXZ_AXES; k++) *numbers++ = (double)box.start[k];
  for (size_t k = 0; k < VOXZ_AXES; k++) *numbers++ = (double)box.size[k];
  return VOXZ_OK;
}

/* Size, CRC32 and whether it was gzip; where its name lies, and how long that is. */
EXPORT("describe_entry") int js_describe_entry(voxz_file *file, size_t entry, double *numbers) {
  voxz_entry about;
  const voxz_status status = voxz_describe_entry(file, entry, &about);
  if (status != VOXZ_OK) return status;
  const double found[] = {(double)about.size, about.crc32, about.gzipped, (double)(uintptr_t)about.name, (double)about.name_length};
  for (size_t k = 0; k < sizeof found / sizeof *found; k++) *numbers++ = found[k];
  return VOXZ_OK;
}

EXPORT("decode_brick") int js_decode_brick(voxz_file *file, size_t array, double brick, void *samples, size_t size) {
  return voxz_decode_brick(file, array, (uint64_t)brick, samples, size);
}

EXPORT("restore") int js_restore(voxz_file *file, size_t entry) { return voxz_restore(file, entry, &SINK); }

EXPORT("samples") int js_samples(voxz_file *file, size_t array) { return voxz_samples(file, array, &SINK); }

EXPORT("add_model") int js_add_model(voxz_file *file, const void *bytes, size_t size) { return voxz_add_model(file, bytes, size); }

EXPORT("missing_model") const char *js_missing_model(const voxz_file *file) { return voxz_missing_model(file); }

EXPORT("message") const char *js_message(const voxz_file *file) { return voxz_message(file); }

EXPORT("status_text") const char *js_status_text(int status) { return voxz_status_text((voxz_status)status); }
