#include "models.h"

#include "checksum.h"

enum { DIGITS = 2 * VX_DIGEST };

static void write_digits(const uint8_t *digest, char *text) {
  for (unsigned i = 0; i < DIGITS; i++) text[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

static voxz_status fail_missing(vx_task *task, const char *digits) {
  static const char BEFORE[] = "a brick needs the model ", BEHIND[] = ", which was not given";
  memcpy(task->text, BEFORE, sizeof BEFORE - 1);
  memcpy(task->text + sizeof BEFORE - 1, digits, DIGITS);
  memcpy(task->text + sizeof BEFORE - 1 + DIGITS, BEHIND, sizeof BEHIND);
  return vx_fail(task, VOXZ_MODEL, task->text);
}

/* A model of the source, which is what it should be; it is kept among those that were given. */
static voxz_status ask_for(vx_task *task, const uint8_t *digest, const vx_model **model) {
  const voxz_source *source = task->source;
  char digits[DIGITS + 1] = {0};
  const void *bytes = NULL;
  vx_model given = {NULL, 0, {0}};
  vx_sha256 sum;
  write_digits(digest, digits);
  if (!source || !source->model || source->model(source->user, digits, &bytes, &given.size) != 0) return fail_missing(task, digits);
  given.bytes = bytes;
  vx_sha256_start(&sum);
  vx_sha256_add(&sum, bytes, given.size);
  vx_sha256_finish(&sum, given.sha256);
  if (memcmp(given.sha256, digest, VX_DIGEST) != 0) return fail_missing(task, digits);
  if (task->model_count == VX_MOST_MODELS) task->model_count--;
  task->models[task->model_count] = given;
  *model = &task->models[task->model_count++];
  return VOXZ_OK;
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
  return ask_for(task, digest, model);
}
