/* voxz-decode: lists what a .voxz file holds, checks it, and writes samples or files.

   voxz-decode FILE              what is in it
   voxz-decode -c FILE           decode and check everything
   voxz-decode -s NUMBER FILE    samples of an array, in the byte order of its files, to standard output
   voxz-decode -f NUMBER FILE    content of a file, to standard output
   voxz-decode -b NUMBER FILE    what lies in it before its samples, to standard output
   voxz-decode -a NUMBER FILE    what lies in it after them, to standard output

   In front of FILE, -r RESOLUTION asks for samples at a lower resolution, in native byte order and canonical order; -m MODEL gives
   a trained model (.safetensors), for files that need it; it may stand there several times. */

#include "src/checksum.h"
#include "voxz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_MEMORY = 1 << 24, USAGE = 64, MOST_MODELS = 16 };

static const size_t MOST_MEMORY = (size_t)1 << (sizeof(size_t) > 4 ? 36 : 30);

typedef struct model {
  void *bytes;
  size_t size;
  char sha256[17];
} model;

typedef struct opened {
  FILE *stream;
  voxz_source source;
  void *memory;
  size_t size;
  voxz_file *file;
  model models[MOST_MODELS];
  unsigned model_count;
} opened;

/* Where output goes (NULL: nowhere). A call that is made again with more memory begins anew: what was written is left out then. */
typedef struct output {
  FILE *stream;
  uint64_t written, at;
} output;

static int read_stream(void *user, uint64_t offset, void *to, size_t length) {
  FILE *stream = ((opened *)user)->stream;
  return fseek(stream, (long)offset, SEEK_SET) != 0 || fread(to, 1, length, stream) != length;
}

static int give_model(void *user, const char *sha256, const void **bytes, size_t *size) {
  const opened *it = user;
  for (unsigned i = 0; i < it->model_count; i++)
    if (strcmp(it->models[i].sha256, sha256) == 0) {
      *bytes = it->models[i].bytes;
      *size = it->models[i].size;
      return 0;
    }
  return 1;
}

static int write_output(void *user, const void *bytes, size_t length) {
  output *out = user;
  const uint64_t known = out->written - out->at < length ? out->written - out->at : length;
  const size_t fresh = length - (size_t)known;
  out->at += length;
  out->written += fresh;
  return out->stream && fwrite((const char *)bytes + known, 1, fresh, out->stream) != fresh;
}

/* What was asked for. */
typedef struct wish wish;
typedef voxz_status action(voxz_file *file, const wish *asked, output *out);
struct wish {
  action *act;
  size_t number;
  unsigned resolution;
  voxz_part part;
  const char *file;
};

/* Open the file and do something, with twice as much memory as long as there is too little. */
static voxz_status run(opened *it, const wish *asked, FILE *stream) {
  voxz_status status = VOXZ_OK;
  output out = {stream, 0, 0};
  for (;;) {
    if (!it->file) status = it->memory ? voxz_open(&it->source, it->memory, it->size, &it->file) : VOXZ_MEMORY;
    out.at = 0;
    if (status == VOXZ_OK) status = asked->act(it->file, asked, &out);
    if (status != VOXZ_MEMORY || it->size >= MOST_MEMORY) return status;
    free(it->memory);
    it->file = NULL;
    it->size = it->size ? it->size * 2 : FIRST_MEMORY;
    it->memory = malloc(it->size);
    if (!it->memory) return VOXZ_MEMORY;
  }
}

static voxz_status write_lower(voxz_file *file, const wish *asked, output *out) {
  voxz_array about;
  voxz_box box;
  size_t size = 1;
  voxz_status status = voxz_brick_box(file, asked->number, VOXZ_WHOLE, asked->resolution, &box);
  if (status != VOXZ_OK) return status;
  voxz_describe_array(file, asked->number, &about);
  for (unsigned axis = 0; axis < VOXZ_AXES; axis++) size *= (size_t)box.size[axis];
  void *samples = malloc(size * about.itemsize + 1);
  if (!samples) return VOXZ_MEMORY;
  status = voxz_decode(file, asked->number, asked->resolution, &box, samples, size * about.itemsize);
  if (status == VOXZ_OK && write_output(out, samples, size * about.itemsize) != 0) status = VOXZ_SOURCE;
  free(samples);
  return status;
}

static voxz_status write_samples(voxz_file *file, const wish *asked, output *out) {
  const voxz_sink sink = {write_output, out};
  return asked->resolution ? write_lower(file, asked, out) : voxz_samples(file, asked->number, &sink);
}

static voxz_status write_entry(voxz_file *file, const wish *asked, output *out) {
  const voxz_sink sink = {write_output, out};
  return voxz_restore(file, asked->number, asked->part, &sink);
}

static voxz_status check(voxz_file *file, const wish *asked, output *out) {
  (void)asked, (void)out;
  return voxz_verify(file);
}

static void list_array(size_t number, const voxz_array *about, FILE *stream) {
  fprintf(stream, "array %zu: type %d, shape", number, (int)about->dtype);
  for (unsigned axis = 0; axis < about->axes; axis++) fprintf(stream, " %llu", (unsigned long long)about->shape[axis]);
  fprintf(stream, ", %llu bricks, resolutions 0 to %u%s\n", (unsigned long long)about->bricks, about->resolutions,
          about->lossy ? ", with loss" : "");
}

static void list_entry(size_t number, const voxz_entry *about, FILE *stream) {
  fprintf(stream, "file %zu: %llu bytes %.*s", number, (unsigned long long)about->size, (int)about->name_length, about->name);
  if (about->samples)
    fprintf(stream, " (%llu samples of array %zu from %llu on)", (unsigned long long)about->samples, about->array, (unsigned long long)about->first);
  fputs(about->gzipped ? ", was in gzip\n" : "\n", stream);
}

static voxz_status list(voxz_file *file, const wish *asked, output *out) {
  voxz_array array;
  voxz_entry entry;
  voxz_status status = voxz_describe_entry(file, 0, &entry); /* reads the catalogue: from here on there is memory enough */
  (void)asked;
  if (status == VOXZ_MEMORY) return status;
  for (size_t i = 0; voxz_describe_array(file, i, &array) == VOXZ_OK; i++) list_array(i, &array, out->stream);
  for (size_t i = 0; (status = voxz_describe_entry(file, i, &entry)) == VOXZ_OK; i++) list_entry(i, &entry, out->stream);
  return status == VOXZ_ARGUMENT ? VOXZ_OK : status;
}

static int usage(void) {
  fputs("voxz-decode [-c | -s ARRAY [-r RESOLUTION] | -f FILE_NUMBER | -b FILE_NUMBER | -a FILE_NUMBER] [-m MODEL]... FILE.voxz\n", stderr);
  return USAGE;
}

static int size_of(FILE *stream, uint64_t *size) {
  const int sought = fseek(stream, 0, SEEK_END) == 0;
  const long end = sought ? ftell(stream) : -1;
  *size = end < 0 ? 0 : (uint64_t)end;
  return end >= 0;
}

static void note_sum(model *of) {
  uint8_t digest[32];
  vx_sha256 sum;
  vx_sha256_start(&sum);
  vx_sha256_add(&sum, of->bytes, of->size);
  vx_sha256_finish(&sum, digest);
  for (unsigned i = 0; i < 8; i++) snprintf(of->sha256 + 2 * i, 3, "%02x", digest[i]);
}

static int load_model(const char *name, opened *it) {
  model *loaded = &it->models[it->model_count];
  opened from = {.stream = it->model_count < MOST_MODELS ? fopen(name, "rb") : NULL};
  uint64_t size;
  if (!from.stream) return 0;
  const int sized = size_of(from.stream, &size);
  loaded->size = sized ? (size_t)size : 0;
  loaded->bytes = malloc(loaded->size + 1);
  const int read = sized && loaded->bytes && read_stream(&from, 0, loaded->bytes, loaded->size) == 0;
  if (read) note_sum(loaded);
  it->model_count++;
  fclose(from.stream);
  return read;
}

/* What an option with a number asks for; whether there is such an option. */
static int take_option(char option, const char *value, wish *asked) {
  const unsigned long number = strtoul(value, NULL, 10);
  static const char ENTRIES[] = "fba";
  const char *entry = strchr(ENTRIES, option);
  if (option == 'r') {
    asked->resolution = (unsigned)number;
    return 1;
  }
  if (option != 's' && !entry) return 0;
  asked->act = entry ? write_entry : write_samples;
  asked->part = entry ? (voxz_part)(entry - ENTRIES) : VOXZ_ALL;
  asked->number = (size_t)number;
  return 1;
}

static int understand(int count, char **words, wish *asked, opened *it) {
  for (int i = 1; i < count; i++) {
    const char *word = words[i], *next = i + 1 < count ? words[i + 1] : NULL;
    const int is_option = word[0] == '-' && word[1] && !word[2];
    if (is_option && word[1] == 'c') {
      asked->act = check;
    } else if (is_option && next) {
      i++;
      if (word[1] == 'm' ? !load_model(next, it) : !take_option(word[1], next, asked)) return 0;
    } else if (asked->file || word[0] == '-') {
      return 0;
    } else {
      asked->file = word;
    }
  }
  return asked->file != NULL;
}

int main(int count, char **words) {
  opened it = {.source = {0, read_stream, give_model, NULL}};
  wish asked = {.act = list};
  it.source.user = &it;
  if (!understand(count, words, &asked, &it)) return usage();
  it.stream = fopen(asked.file, "rb");
  if (!it.stream || !size_of(it.stream, &it.source.size)) {
    fprintf(stderr, "voxz-decode: %s cannot be read\n", asked.file);
    return VOXZ_SOURCE;
  }
  const voxz_status status = run(&it, &asked, asked.act == check ? NULL : stdout);
  if (status != VOXZ_OK) fprintf(stderr, "voxz-decode: %s: %s\n", asked.file, voxz_message(it.file));
  for (unsigned i = 0; i < it.model_count; i++) free(it.models[i].bytes);
  free(it.memory);
  fclose(it.stream);
  return (int)status;
}
