/* An open file: what its front says, where its chunks lie, and, once asked for, its catalogue.

   The handle and all that it keeps lie at the start of the caller's memory, up to `kept`; what a call needs comes behind. */

#ifndef VOXZ_FILE_H
#define VOXZ_FILE_H

#include "task.h"

enum { INDEX_ENTRY = 9, MOST_AXES = 7, MOST_CHANNELS = 4, SHORTEST = 8, MOST_HALVINGS = 5 };

#define LARGEST_ARRAY ((uint64_t)1 << 40)
#define LARGEST_BRICK ((uint64_t)1 << 26)
#define LARGEST_SLAB ((uint64_t)256 << 20)

typedef struct vx_array {
  voxz_array about;
  uint64_t first_brick; /* its place in the index */
} vx_array;

/* A slab that was decoded for the files that have its samples. */
typedef struct vx_slab {
  uint8_t *samples; /* NULL: none */
  size_t array;
  uint64_t number;
} vx_slab;

struct vx_catalogue;

struct voxz_file {
  vx_task task;
  voxz_source source;
  size_t kept;
  uint64_t length, catalogue_length, catalogue_raw_length;
  uint32_t catalogue_crc32;
  uint8_t files_sha256[32];
  size_t array_count;
  vx_array *arrays;
  const uint8_t *index;
  uint64_t *offsets; /* of the chunks of the index, and of what follows them */
  uint64_t arrays_end;
  struct vx_catalogue *catalogue; /* NULL until it is read */
  vx_slab slab;
};

/* Bytes of the file, in new memory. */
voxz_status vx_read(voxz_file *file, uint64_t offset, uint64_t length, uint8_t **bytes);
voxz_status vx_read_checked(voxz_file *file, uint64_t offset, uint64_t length, uint32_t crc32, uint8_t **bytes);

/* Start a call: what the last one used is free again. */
void vx_begin(voxz_file *file);

/* The array of a number, for a caller who may be wrong. */
voxz_status vx_array_of(voxz_file *file, size_t number, const vx_array **array);

/* The next `length` bytes for a sink. */
voxz_status vx_write(voxz_file *file, const voxz_sink *sink, const void *bytes, size_t length);

/* The slab that has a sample, counted in memory order, decoded, in the byte order of the files; it is kept for the next call.
   `first` and `count` say which samples it has. */
voxz_status vx_slab_with(voxz_file *file, size_t array, uint64_t sample, const uint8_t **samples, uint64_t *first, uint64_t *count);

/* How often an axis is halved at most. */
unsigned vx_most_halvings(uint64_t length);

/* Samples of a box of an array at its full resolution, that lies in it; `samples` has room for them. */
voxz_status vx_decode_box(voxz_file *file, const vx_array *array, const voxz_box *box, void *samples);

#endif
