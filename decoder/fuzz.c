/* Damaged payloads and fronts by the thousand, for the sanitizers: fuzz ROUNDS SEED [MODEL.safetensors...] FILE...

   Checksums would refuse nearly every damaged file at once. So the payloads of bricks are damaged behind theirs, and the front and
   the catalogue get new ones. Whatever comes is fine, but for a crash, an endless loop, or memory that was not given. */

#include "src/bytes.h"
#include "src/catalogue.h"
#include "src/checksum.h"
#include "src/codecs.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_MEMORY = 1 << 28, MOST_CHANGES = 6 };

static uint64_t state;

/* Models that were given: those that payloads name are found among them. */
static vx_model models[VX_MOST_MODELS];
static unsigned model_count;

static uint64_t chance(uint64_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state % below;
}

/* Change some bytes, in any of the ways that damage takes; returns the new length, at most the old one. */
static size_t damage(uint8_t *bytes, size_t size) {
  for (uint64_t left = 1 + chance(MOST_CHANGES); left > 0 && size > 0; left--) {
    const size_t at = (size_t)chance(chance(3) ? size : size < 64 ? size : 64); /* heads more often than their share */
    switch (chance(5)) {
    case 0: bytes[at] ^= (uint8_t)(1 << chance(8)); break;
    case 1: bytes[at] = (uint8_t)chance(256); break;
    case 2: bytes[at] = chance(2) ? 0xFF : 0; break;
    case 3: bytes[at] = bytes[chance(size)]; break;
    default: size = chance(8) ? size : at; break;
    }
  }
  return size;
}

static void damage_brick(const uint8_t *payload, size_t size, unsigned codec, const vx_brick *brick, void *memory) {
  uint8_t *copy = malloc(size ? size : 1), *samples = malloc(vx_brick_samples(brick) * brick->itemsize);
  vx_task task = {.memory = memory, .size = MOST_MEMORY, .message = "", .model_count = model_count};
  memcpy(task.models, models, sizeof models);
  memcpy(copy, payload, size);
  const size_t left = damage(copy, size);
  uint8_t *exact = malloc(left ? left : 1); /* so that reading beyond the end is seen */
  memcpy(exact, copy, left);
  vx_decode_brick(&task, codec, exact, left, brick, samples);
  free(exact);
  free(samples);
  free(copy);
}

static int read_bytes(void *user, uint64_t offset, void *to, size_t length) {
  memcpy(to, (const uint8_t *)user + offset, length);
  return 0;
}

static int drop(void *user, const void *bytes, size_t length) {
  (void)user, (void)bytes, (void)length;
  return 0;
}

static void use(const uint8_t *bytes, size_t size, void *memory) {
  const voxz_source source = {size, read_bytes, (void *)bytes};
  const voxz_sink sink = {drop, NULL};
  voxz_file *file;
  size_t entries = 0;
  if (voxz_open(&source, memory, MOST_MEMORY, &file) != VOXZ_OK || voxz_entries(file, &entries) != VOXZ_OK) return;
  for (size_t i = 0; i < entries && i < 4; i++) voxz_restore(file, i, &sink);
}

/* A damaged front or catalogue, under checksums that fit. */
static void damage_front(const uint8_t *bytes, size_t size, void *memory) {
  uint8_t *copy = malloc(size);
  memcpy(copy, bytes, size);
  const uint32_t length = vx_load32(copy + 12), catalogue = vx_load32(copy + 24);
  if (chance(2) && catalogue > 0) {
    damage(copy + size - catalogue, catalogue);
    const uint32_t sum = vx_crc32(0, copy + size - catalogue, catalogue);
    for (unsigned i = 0; i < 4; i++) copy[32 + i] = (uint8_t)(sum >> 8 * i);
  } else {
    damage(copy + 24, length - 28);
  }
  const uint32_t sum = vx_crc32(0, copy, length - 4);
  for (unsigned i = 0; i < 4; i++) copy[length - 4 + i] = (uint8_t)(sum >> 8 * i);
  use(copy, size, memory);
  free(copy);
}

static void damage_file(const uint8_t *bytes, size_t size, unsigned rounds, void *memory) {
  const voxz_source source = {size, read_bytes, (void *)bytes};
  void *own = malloc(MOST_MEMORY);
  voxz_file *file;
  if (voxz_open(&source, own, MOST_MEMORY, &file) == VOXZ_OK)
    for (size_t a = 0; a < file->array_count; a++) {
      const voxz_array *about = &file->arrays[a].about;
      for (unsigned round = 0; round < rounds && about->bricks; round++) {
        voxz_box box;
        const uint64_t number = chance(about->bricks), chunk = file->arrays[a].first_brick + number;
        voxz_brick_box(file, a, number, &box);
        const vx_brick brick = {about->dtype, about->itemsize, (uint32_t)box.size[0], (uint32_t)box.size[1], (uint32_t)box.size[2],
                                (uint32_t)box.size[3], (uint32_t)box.size[4]};
        damage_brick(bytes + file->offsets[chunk], (size_t)(file->offsets[chunk + 1] - file->offsets[chunk]),
                     file->index[chunk * INDEX_ENTRY], &brick, memory);
      }
    }
  free(own);
  for (unsigned round = 0; round < rounds; round++) damage_front(bytes, size, memory);
}

static uint8_t *read_file(const char *name, size_t *size) {
  FILE *stream = fopen(name, "rb");
  if (!stream || fseek(stream, 0, SEEK_END) != 0) exit(1);
  *size = (size_t)ftell(stream);
  uint8_t *bytes = malloc(*size);
  rewind(stream);
  if (fread(bytes, 1, *size, stream) != *size) exit(1);
  fclose(stream);
  return bytes;
}

static int is_model(const char *name) {
  const char *ending = strrchr(name, '.');
  return ending && strcmp(ending, ".safetensors") == 0 && model_count < VX_MOST_MODELS;
}

static void keep_model(const uint8_t *bytes, size_t size) {
  vx_model *model = &models[model_count++];
  vx_sha256 sum;
  model->bytes = bytes;
  model->size = size;
  vx_sha256_start(&sum);
  vx_sha256_add(&sum, bytes, size);
  vx_sha256_finish(&sum, model->sha256);
}

int main(int count, char **words) {
  const unsigned rounds = count > 3 ? (unsigned)strtoul(words[1], NULL, 10) : 0;
  void *memory = malloc(MOST_MEMORY);
  state = count > 3 ? strtoull(words[2], NULL, 10) * 2 + 1 : 1;
  for (int i = 3; i < count; i++) {
    size_t size;
    uint8_t *bytes = read_file(words[i], &size);
    if (is_model(words[i])) {
      keep_model(bytes, size);
      continue;
    }
    damage_file(bytes, size, rounds, memory);
    free(bytes);
    printf("%s\n", words[i]);
    fflush(stdout);
  }
  for (unsigned i = 0; i < model_count; i++) free((void *)(uintptr_t)models[i].bytes);
  free(memory);
  return 0;
}
