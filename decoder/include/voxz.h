/* Decoder of .voxz files: volumes of integers, floats and labels, bit for bit as docs/format.md tells it.

   It has no global state, allocates nothing and needs nothing but the C library's memcpy and sqrt. All memory is the
   caller's: voxz_open is given a block, the handle lies at its start, and what decoding needs comes from the rest. A call that
   finds it too small returns VOXZ_MEMORY; open the file again with more. A handle serves one thread; open
   the file once for each. */

#ifndef VOXZ_H
#define VOXZ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum voxz_status {
  VOXZ_OK = 0,
  VOXZ_NOT_VOXZ,    /* the file does not begin with the signature */
  VOXZ_TRUNCATED,   /* it ends before its data do */
  VOXZ_DAMAGED,     /* its bytes contradict a checksum or each other */
  VOXZ_UNSUPPORTED, /* it is sound, but of a kind that this decoder does not have, or of a later version */
  VOXZ_MEMORY,      /* the caller's memory is too small */
  VOXZ_ARGUMENT,    /* the caller asked for something that is not there */
  VOXZ_SOURCE,      /* the caller's functions reported a failure */
  VOXZ_MODEL        /* a brick needs a trained model that was not given: see voxz_add_model */
} voxz_status;

/* Where a file comes from: read copies `length` bytes at `offset` to `to` and returns 0, or anything else if it cannot.
   It is never asked for bytes beyond `size`. */
typedef struct voxz_source {
  uint64_t size;
  int (*read)(void *user, uint64_t offset, void *to, size_t length);
  void *user;
} voxz_source;

/* Where a restored file goes: write takes its next bytes and returns 0, or anything else to stop. */
typedef struct voxz_sink {
  int (*write)(void *user, const void *bytes, size_t length);
  void *user;
} voxz_sink;

typedef enum voxz_dtype {
  VOXZ_BOOL = 1, VOXZ_INT8, VOXZ_UINT8, VOXZ_INT16, VOXZ_UINT16, VOXZ_INT32, VOXZ_UINT32, VOXZ_INT64, VOXZ_UINT64,
  VOXZ_FLOAT16, VOXZ_FLOAT32, VOXZ_FLOAT64, VOXZ_COMPLEX64, VOXZ_COMPLEX128, VOXZ_FLOAT128, VOXZ_COMPLEX256
} voxz_dtype;

/* Axes of the canonical shape, slowest first. */
enum { VOXZ_SERIES, VOXZ_Z, VOXZ_Y, VOXZ_X, VOXZ_CHANNELS, VOXZ_AXES };

typedef struct voxz_array {
  voxz_dtype dtype;
  unsigned itemsize;         /* bytes of a sample */
  int big_endian;            /* samples in the restored files are */
  int first_axis_fastest;    /* `shape` counts from the fastest axis */
  unsigned axes;
  uint64_t shape[7];         /* as the file's maker sees it, without channels */
  uint64_t size[VOXZ_AXES];  /* canonical */
  uint64_t brick[VOXZ_AXES]; /* of a whole brick */
  uint64_t bricks;           /* how many there are */
  unsigned level;            /* asked for */
  int lossy;
  double bound;              /* no sample is farther off; 0 if none was lost, infinity if nothing is promised */
  uint8_t sha256[32];        /* of the samples, in the byte order of the files */
} voxz_array;

/* A box in the canonical axes: channels are always whole. */
typedef struct voxz_box {
  uint64_t start[VOXZ_AXES], size[VOXZ_AXES];
} voxz_box;

typedef struct voxz_entry {
  const char *name;     /* a path in a folder, or an ending; not terminated */
  size_t name_length;
  uint64_t size;        /* of its content */
  uint32_t crc32;       /* of its content */
  int gzipped;          /* the original was the content, compressed by gzip, which this decoder does not make again */
} voxz_entry;

typedef struct voxz_file voxz_file;

/* Open a file in `memory`; the source must stay as it is while the handle is used. */
voxz_status voxz_open(const voxz_source *source, void *memory, size_t size, voxz_file **file);

/* How many arrays and files there are. */
size_t voxz_arrays(const voxz_file *file);
voxz_status voxz_entries(voxz_file *file, size_t *count);

/* What an array, a brick of one, or a file is. */
voxz_status voxz_describe(const voxz_file *file, size_t array, voxz_array *description);
voxz_status voxz_brick_box(const voxz_file *file, size_t array, uint64_t brick, voxz_box *box);
voxz_status voxz_describe_entry(voxz_file *file, size_t entry, voxz_entry *description);

/* Samples of a brick, or of any box, in native byte order, C order of (series, z, y, x, channels); `size` bytes of room. */
voxz_status voxz_decode_brick(voxz_file *file, size_t array, uint64_t brick, void *samples, size_t size);
voxz_status voxz_decode_box(voxz_file *file, size_t array, const voxz_box *box, void *samples, size_t size);

/* All samples of an array in memory order, in the byte order of its files, compared with their SHA-256 at the end. */
voxz_status voxz_samples(voxz_file *file, size_t array, const voxz_sink *sink);

/* The content of a file, compared with its CRC32 at the end; that of all files, compared with the SHA-256 of the whole. */
voxz_status voxz_restore(voxz_file *file, size_t entry, const voxz_sink *sink);
voxz_status voxz_verify(voxz_file *file);

/* Give a trained model (a .safetensors file), of which payloads name some by their SHA-256; its bytes must stay as they are. */
voxz_status voxz_add_model(voxz_file *file, const void *bytes, size_t size);

/* After VOXZ_MODEL: the first 16 digits of the SHA-256 of the file that is needed. */
const char *voxz_missing_model(const voxz_file *file);

/* What the last failure of a handle was about, and what a status means. Never NULL. */
const char *voxz_message(const voxz_file *file);
const char *voxz_status_text(voxz_status status);

#ifdef __cplusplus
}
#endif
#endif
