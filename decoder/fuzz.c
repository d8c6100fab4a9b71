/* What a fuzzer calls with one input after the other: LLVMFuzzerTestOneInput, as libFuzzer and AFL++ know it.

   An input is a whole file; or a brick, as what its file says of it in 12 bytes and its payload; or a brick behind the model that
   it names. benchmarks/fuzz/native.py makes them of sound files. The build holds every checksum for right, so that damage reaches
   what lies behind it. Whatever comes of an input is fine, but for a crash, an endless loop, or memory that was not given. Shipped
   models are read from the files that VOXZ_MODELS names, between colons. */

#include "src/bytes.h"
#include "src/checksum.h"
#include "src/file.h"
#include "src/lower.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEMORY = 1 << 26, MOST_SAMPLES = 1 << 17, MOST_CALLS = 4, BRICK = 12, MODEL = 13, FILE_LENGTH = 16 };

static unsigned char *memory;
static vx_model models[VX_MOST_MODELS];
static unsigned model_count;

static void *room_for(size_t size) {
  void *found = malloc(size ? size : 1);
  if (!found) abort();
  return found;
}

static void keep_model(const char *name) {
  FILE *stream = fopen(name, "rb");
  vx_model *model = &models[model_count++];
  vx_sha256 sum;
  if (!stream || fseek(stream, 0, SEEK_END) != 0) exit(1);
  model->size = (size_t)ftell(stream);
  uint8_t *bytes = room_for(model->size);
  rewind(stream);
  if (fread(bytes, 1, model->size, stream) != model->size) exit(1);
  fclose(stream);
  model->bytes = bytes;
  vx_sha256_start(&sum);
  vx_sha256_add(&sum, bytes, model->size);
  vx_sha256_finish(&sum, model->sha256);
}

static void prepare(void) {
  const char *given = getenv("VOXZ_MODELS");
  memory = room_for(MEMORY);
  if (!given) return;
  char *names = room_for(strlen(given) + 1);
  strcpy(names, given);
  for (char *name = strtok(names, ":"); name && model_count < VX_MOST_MODELS; name = strtok(NULL, ":")) keep_model(name);
  free(names);
}

/* A brick alone, whole and at a lower resolution, in room of its exact size, so that a sample beyond its end is seen. */
static void try_brick(vx_task *task, const uint8_t *data, size_t size) {
  if (size < BRICK || data[2] == 0 || data[2] > VOXZ_COMPLEX256) return;
  const voxz_dtype dtype = (voxz_dtype)data[2];
  const vx_brick brick = {dtype, vx_itemsize(dtype), vx_load16(data + 4), vx_load16(data + 6), vx_load16(data + 8), vx_load16(data + 10), data[3]};
  const uint64_t planes = (uint64_t)brick.series * brick.z * brick.channels, plane = (uint64_t)brick.y * brick.x;
  if (planes == 0 || plane == 0 || brick.channels > MOST_CHANNELS || planes > MOST_SAMPLES / plane) return;
  static const uint64_t START[3] = {0, 2, 8};
  const vx_lower full = {{0, 0, 0}, START, 0}, lower = {{1, 2, 1}, START, 0};
  const vx_brick halved = vx_halved(&brick, lower.halvings);
  for (unsigned k = 0; k < 2; k++) {
    const vx_brick *found = k ? &halved : &brick;
    void *samples = room_for(vx_brick_samples(found) * brick.itemsize);
    vx_decode_lower(task, data[1], data + BRICK, size - BRICK, &brick, k ? &lower : &full, samples);
    task->used = 0;
    free(samples);
  }
}

static void try_shipped(const uint8_t *data, size_t size) {
  vx_task task = {.memory = memory, .size = MEMORY, .message = "", .model_count = model_count};
  memcpy(task.models, models, sizeof models);
  try_brick(&task, data, size);
}

/* A brick behind its model, which is taken for what the payload names. */
static void try_model(const uint8_t *data, size_t size) {
  vx_task task = {.memory = memory, .size = MEMORY, .message = "", .model_count = 1};
  if (size < MODEL || vx_load32(data + 1) > size - MODEL) return;
  task.models[0].size = vx_load32(data + 1);
  task.models[0].bytes = data + MODEL;
  memcpy(task.models[0].sha256, data + MODEL - 8, 8);
  try_brick(&task, data + MODEL + task.models[0].size, size - MODEL - task.models[0].size);
}

static int drop(void *user, const void *bytes, size_t length) {
  (void)user, (void)bytes, (void)length;
  return 0;
}

/* All of an array, its last brick at the lowest resolution, and a box in its middle. */
static void try_array(voxz_file *file, size_t number) {
  const voxz_sink nowhere = {drop, NULL};
  voxz_array about;
  voxz_box box;
  uint64_t samples = 1;
  if (voxz_describe_array(file, number, &about) != VOXZ_OK) return;
  for (unsigned axis = 0; axis < VOXZ_AXES; axis++) {
    if (about.size[axis] > MOST_SAMPLES / samples) return;
    samples *= about.size[axis];
  }
  voxz_samples(file, number, &nowhere);
  void *room = room_for((size_t)samples * about.itemsize);
  if (about.bricks > 0 && voxz_brick_box(file, number, about.bricks - 1, about.resolutions, &box) == VOXZ_OK)
    voxz_decode(file, number, about.resolutions, &box, room, (size_t)samples * about.itemsize);
  if (samples > 0 && voxz_brick_box(file, number, VOXZ_WHOLE, 0, &box) == VOXZ_OK) {
    for (unsigned axis = 0; axis < VOXZ_CHANNELS; axis++) {
      box.start[axis] = box.size[axis] / 4;
      box.size[axis] = (box.size[axis] + 1) / 2;
    }
    voxz_decode(file, number, 0, &box, room, (size_t)samples * about.itemsize);
  }
  free(room);
}

/* A whole file, whose length is set right first. */
static void try_file(const uint8_t *data, size_t size) {
  const voxz_sink nowhere = {drop, NULL};
  uint8_t *copy = room_for(size);
  memcpy(copy, data, size);
  for (unsigned i = 0; i < 8 && size >= FILE_LENGTH + 8; i++) copy[FILE_LENGTH + i] = (uint8_t)((uint64_t)size >> 8 * i);
  const voxz_source source = voxz_memory(copy, size);
  voxz_file *file;
  voxz_entry entry;
  if (voxz_open(&source, memory, MEMORY, &file) == VOXZ_OK) {
    for (size_t i = 0; i < MOST_CALLS; i++) try_array(file, i);
    for (size_t i = 0; i < MOST_CALLS && voxz_describe_entry(file, i, &entry) == VOXZ_OK; i++)
      for (int part = VOXZ_ALL; part <= VOXZ_TAIL; part++) voxz_restore(file, i, (voxz_part)part, &nowhere);
  }
  free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!memory) prepare();
  if (size > 0 && data[0] == 'B')
    try_shipped(data, size);
  else if (size > 0 && data[0] == 'M')
    try_model(data, size);
  else
    try_file(data, size);
  return 0;
}
