/* What every part of the decoder shares: memory that the caller gave, and how failures are told.

   A function that can fail returns a voxz_status. VX_TRY passes a failure on, VX_CHECK makes one of a contradiction in the file,
   VX_NEW takes zeroed memory. Nothing is given back one by one: whoever needs room for a while notes `task->used` and sets it
   back. */

#ifndef VOXZ_TASK_H
#define VOXZ_TASK_H

#include "voxz.h"

#include <string.h>

/* A trained model that the caller gave. */
typedef struct vx_model {
  const uint8_t *bytes;
  size_t size;
  uint8_t sha256[32];
} vx_model;

enum { VX_MOST_MODELS = 16, VX_TEXT = 96 };

typedef struct vx_task {
  unsigned char *memory;
  size_t size, used;
  const char *message;
  unsigned model_count;
  vx_model models[VX_MOST_MODELS]; /* that the source gave */
  const voxz_source *source;       /* of further ones; NULL: none */
  char text[VX_TEXT];              /* room for a message that is put together */
} vx_task;

/* A brick as its decoder sees it: (series, z, y, x, channels). Every size is at least 1, their product at most 2^26. */
typedef struct vx_brick {
  voxz_dtype dtype;
  uint32_t itemsize;
  uint32_t series, z, y, x, channels;
} vx_brick;

size_t vx_brick_samples(const vx_brick *brick);

/* No axis is halved. */
extern const unsigned VX_FULL[3];

/* The brick with its axes z, y, x halved so often, rounded up each time. */
vx_brick vx_halved(const vx_brick *brick, const unsigned halvings[3]);

/* Note what is wrong, and return the status. */
voxz_status vx_fail(vx_task *task, voxz_status status, const char *message);

/* Zeroed memory for `count` things of `size` bytes, aligned for any; NULL where there is too little, which is noted. */
void *vx_take(vx_task *task, uint64_t count, size_t size);

#define VX_TRY(call)                                                                                                   \
  do {                                                                                                                 \
    const voxz_status vx_status_ = (call);                                                                             \
    if (vx_status_ != VOXZ_OK) return vx_status_;                                                                      \
  } while (0)

#define VX_CHECK(task, condition, message)                                                                             \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      vx_fail((task), VOXZ_DAMAGED, (message));                                                                        \
      return VOXZ_DAMAGED;                                                                                             \
    }                                                                                                                  \
  } while (0)

#define VX_NEW(task, pointer, count)                                                                                   \
  do {                                                                                                                 \
    (pointer) = vx_take((task), (uint64_t)(count), sizeof *(pointer));                                                 \
    if (!(pointer)) return VOXZ_MEMORY;                                                                                \
  } while (0)

/* For what the innermost loops call: what it keeps stays in registers only if it is part of the loop. */
#ifdef __GNUC__
#define VX_INLINED static inline __attribute__((always_inline))
#else
#define VX_INLINED static inline
#endif

/* `a >> bits` and `a << bits` as the format means them, which C leaves open for negative numbers. */
static inline int64_t vx_right(int64_t a, unsigned bits) { return a < 0 ? ~(~a >> bits) : a >> bits; }
static inline int64_t vx_left(int64_t a, unsigned bits) { return (int64_t)((uint64_t)a << bits); }

/* Division that rounds down; `b` is above 0. */
static inline int64_t vx_floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static inline int64_t vx_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t vx_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t vx_clamp(int64_t a, int64_t low, int64_t high) { return a < low ? low : a > high ? high : a; }
static inline int64_t vx_magnitude(int64_t a) { return a < 0 ? -a : a; }

#endif
