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
  VOXZ_MODEL        /* a brick needs a trained model that the source does not give */
} voxz_status;

/* Where a file comes from. */
typedef struct voxz_source {
  uint64_t size;
  /* Copies `length` bytes at `offset` to `to` and returns 0, or anything else if it cannot. It is never asked for bytes beyond
     `size`. */
  int (*read)(void *user, uint64_t offset, void *to, size_t length);
  /* Gives a trained model (the bytes of its .safetensors file, which must stay as they are) by the first 16 digits of its SHA-256,
     and returns 0, or anything else if it has none; may be NULL. */
  int (*model)(void *user, const char *sha256, const void **bytes, size_t *size);
  void *user;
} voxz_source;

/* Where what was decoded goes: write takes the next bytes and returns 0, or anything else to stop. */
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
  unsigned resolutions;      /* lower ones: 0 is the full resolution, this the lowest */
  unsigned level;            /* asked for */
  int lossy;
  double bound;              /* no sample is farther off; 0 if none was lost, infinity if nothing is promised */
  uint8_t sha256[32];        /* of the samples, in the byte order of the files */
} voxz_array;

/* A file that the .voxz file restores. */
typedef struct voxz_entry {
  const char *name;     /* a path in a folder, or an ending; not terminated */
  size_t name_length;
  uint64_t size;        /* of its content */
  uint32_t crc32;       /* of its content */
  int gzipped;          /* the original was the content, compressed by gzip, which this decoder does not make again */
  uint64_t samples;     /* how many samples of arrays it has */
  size_t array;         /* the array of the first of them */
  uint64_t first;       /* and its place there, in memory order */
} voxz_entry;

/* A box in the canonical axes, at a resolution: channels are always whole. */
typedef struct voxz_box {
  uint64_t start[VOXZ_AXES], size[VOXZ_AXES];
} voxz_box;

/* A resolution is how often z, y and x are halved, each while it has 8 samples or more, 5 times at most. Sample k lies where
   sample k * 2^halvings of the array lies. With VOXZ_NEAREST it is that sample itself, for labels; else a mean, but where
   means say nothing: in label maps, in constant background, and of NaN. */
enum { VOXZ_NEAREST = 256 };

/* In place of the number of a brick: all of them. */
#define VOXZ_WHOLE UINT64_MAX

/* What is restored of a file: all of it; its bytes in front of its samples, or all if it has none; those behind them. */
typedef enum voxz_part { VOXZ_ALL, VOXZ_HEAD, VOXZ_TAIL } voxz_part;

typedef struct voxz_file voxz_file;

/* A source of bytes in memory, which has no models. */
voxz_source voxz_memory(const void *bytes, size_t size);

/* Open a file in `memory`; the source must stay as it is while the handle is used. */
voxz_status voxz_open(const voxz_source *source, void *memory, size_t size, voxz_file **file);

/* What an array or a file is; VOXZ_ARGUMENT behind the last one. */
voxz_status voxz_describe_array(const voxz_file *file, size_t array, voxz_array *description);
voxz_status voxz_describe_entry(voxz_file *file, size_t entry, voxz_entry *description);

/* Where a brick lies at a resolution, which may be nowhere; VOXZ_WHOLE: the size of the array. */
voxz_status voxz_brick_box(voxz_file *file, size_t array, uint64_t brick, unsigned resolution, voxz_box *box);

/* Samples of a box at a resolution, in native byte order, C order of (series, z, y, x, channels); `size` bytes of room. */
voxz_status voxz_decode(voxz_file *file, size_t array, unsigned resolution, const voxz_box *box, void *samples, size_t size);

/* All samples of an array in memory order, in the byte order of its files, compared with their SHA-256 at the end. */
voxz_status voxz_samples(voxz_file *file, size_t array, const voxz_sink *sink);

/* A file, or a part of it; all of one is compared with its CRC32 at the end. */
voxz_status voxz_restore(voxz_file *file, size_t entry, voxz_part part, const voxz_sink *sink);

/* Decode all arrays and restore all files, and compare them with their checksums. */
voxz_status voxz_verify(voxz_file *file);

/* A brick alone, for programs that read files by themselves: what stands about it in the index, and its payload, which was compared
   with its checksum. */
typedef struct voxz_brick {
  unsigned codec;
  voxz_dtype dtype;
  uint32_t size[VOXZ_AXES];
  const void *payload;
  size_t length;
  unsigned halvings[3]; /* of z, y, x */
  uint64_t start[3];    /* where it begins in the array; means something for lower resolutions only */
  int nearest;          /* take samples themselves for lower resolutions */
} voxz_brick;

/* Samples of a brick, for which there is room, in `size` bytes of memory; `source`, which may be NULL, is asked for models only.
   A failure tells what it was about, in words that may lie in `memory`. */
voxz_status voxz_decode_brick(const voxz_brick *brick, const voxz_source *source, void *memory, size_t size, void *samples,
                              const char **message);

/* What the last failure of a handle was about. Never NULL; `file` may be. */
const char *voxz_message(const voxz_file *file);

#ifdef __cplusplus
}
#endif
#endif
