#include "lower.h"

#include "reduce.h"

/* How often bricks that begin here can be halved by themselves: every sample of the lower resolution is one of theirs. */
static unsigned evenness(uint64_t start, unsigned most) {
  unsigned count = 0;
  while (count < most && start % ((uint64_t)2 << count) == 0) count++;
  return count;
}

static int is_full(const unsigned halvings[3]) { return !halvings[0] && !halvings[1] && !halvings[2]; }

voxz_status vx_decode_lower(vx_task *task, unsigned codec, const uint8_t *payload, size_t size, const vx_brick *brick, const vx_lower *lower,
                            void *samples) {
  unsigned direct[3] = {0, 0, 0}, left[3];
  uint32_t first[3];
  if (is_full(lower->halvings)) return vx_decode_brick(task, codec, payload, size, brick, samples);
  for (unsigned axis = 0; axis < 3; axis++) {
    if (codec == VX_WAVELET && !lower->names) direct[axis] = evenness(lower->start[axis], lower->halvings[axis]);
    left[axis] = lower->halvings[axis] - direct[axis];
    first[axis] = (uint32_t)(-(lower->start[axis] >> direct[axis]) % ((uint64_t)1 << left[axis]));
  }
  const vx_brick found = vx_halved(brick, direct);
  if (first[0] >= found.z || first[1] >= found.y || first[2] >= found.x) return VOXZ_OK; /* nothing is kept */
  const size_t used = task->used;
  uint8_t *part = samples;
  if (!is_full(left)) VX_NEW(task, part, vx_brick_samples(&found) * brick->itemsize);
  if (is_full(direct))
    VX_TRY(vx_decode_brick(task, codec, payload, size, brick, part));
  else
    VX_TRY(vx_preview_wavelet(task, payload, size, brick, direct, part));
  if (!is_full(left)) VX_TRY(vx_reduce(task, &found, part, first, left, lower->names || codec == VX_LABELS, samples));
  task->used = used;
  return VOXZ_OK;
}

/* A task at the start of the memory, so that its message outlives the call. */
static vx_task *new_task(const voxz_source *source, void *memory, size_t size) {
  vx_task task = {.memory = memory, .size = size, .message = "", .source = source};
  vx_task *kept = vx_take(&task, 1, sizeof *kept);
  if (kept) *kept = task;
  return kept;
}

voxz_status voxz_decode_brick(const voxz_brick *about, const voxz_source *source, void *memory, size_t size, void *samples,
                              const char **message) {
  const vx_brick brick = {about->dtype,         vx_itemsize(about->dtype), about->size[VOXZ_SERIES],  about->size[VOXZ_Z],
                          about->size[VOXZ_Y], about->size[VOXZ_X],       about->size[VOXZ_CHANNELS]};
  const vx_lower lower = {{about->halvings[0], about->halvings[1], about->halvings[2]}, about->start, about->nearest};
  vx_task *task = new_task(source, memory, size);
  *message = "the memory that was given is too small";
  if (!task) return VOXZ_MEMORY;
  const voxz_status status = vx_decode_lower(task, about->codec, about->payload, about->length, &brick, &lower, samples);
  *message = task->message;
  return status;
}
