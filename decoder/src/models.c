#include "models.h"

static void note_missing(vx_task *task, const uint8_t *digest) {
  static const char DIGITS[] = "0123456789abcdef";
  for (unsigned i = 0; i < VX_DIGEST; i++) {
    task->missing[2 * i] = DIGITS[digest[i] >> 4];
    task->missing[2 * i + 1] = DIGITS[digest[i] & 15];
  }
}

voxz_status vx_named_model(vx_task *task, vx_bytes *payload, const vx_model **model) {
  const uint8_t *digest = vx_bytes_take(payload, VX_DIGEST);
  vx_bytes_take(payload, vx_u8(payload));
  VX_CHECK(task, digest && !payload->overrun, "a brick ends early");
  for (unsigned i = 0; i < task->model_count; i++)
    if (memcmp(task->models[i].sha256, digest, VX_DIGEST) == 0) {
      *model = &task->models[i];
      return VOXZ_OK;
    }
  note_missing(task, digest);
  return vx_fail(task, VOXZ_MODEL, "a brick needs a model that was not given");
}
