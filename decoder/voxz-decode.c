/* voxz-decode: lists what a .voxz file holds, checks it, and writes samples or files.

   voxz-decode FILE              what is in it
   voxz-decode -c FILE           decode and check everything
   voxz-decode -s NUMBER FILE    samples of an array, in the byte order of its files, to standard output
   voxz-decode -f NUMBER FILE    content of a file, to standard output

   -m MODEL in front of FILE gives a trained model (.safetensors), for files that need it; it may stand there several times. */

#include "voxz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_MEMORY = 1 << 24, USAGE = 64, MOST_MODELS = 16 };

static const size_t MOST_MEMORY = (size_t)1 << (sizeof(size_t) > 4 ? 36 : 30);

typedef struct model {
  void *bytes;
  size_t size;
} model;

typedef struct opened {
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
  FILE *stream = user;
  return fseek(stream, (long)offset, SEEK_SET) != 0 || fread(to, 1, length, stream) != length;
}

static int write_output(void *user, const void *bytes, size_t length) {
  output *out = user;
  const uint64_t known = out->written - out->at < length ? out->written - out->at : length;
  const size_t fresh = length - (size_t)known;
  out->at += length;
  out->written += fresh;
  return out->stream && fwrite((const char *)bytes + known, 1, fresh, out->stream) != fresh;
}

typedef voxz_status action(voxz_file *file, size_t number, output *out);

static voxz_status open_file(opened *it) {
  voxz_status status = it->memory ? voxz_open(&it->source, it->memory, it->size, &it->file) : VOXZ_MEMORY;
  for (unsigned i = 0; i < it->model_count && status == VOXZ_OK; i++)
    status = voxz_add_model(it->file, it->models[i].bytes, it->models[i].size);
  return status;
}

/* Open the file and do something, with twice as much memory as long as there is too little. */
static voxz_status run(opened *it, action *act, size_t number, FILE *stream) {
  voxz_status status = VOXZ_OK;
  output out = {stream, 0, 0};
  for (;;) {
    if (!it->file) status = open_file(it);
    out.at = 0;
    if (status == VOXZ_OK) status = act(it->file, number, &out);
    if (status != VOXZ_MEMORY || it->size >= MOST_MEMORY) return status;
    free(it->memory);
    it->file = NULL;
    it->size = it->size ? it->size * 2 : FIRST_MEMORY;
    it->memory = malloc(it->size);
    if (!it->memory) return VOXZ_MEMORY;
  }
}

static voxz_status write_samples(voxz_file *file, size_t number, output *out) {
  const voxz_sink sink = {write_output, out};
  return voxz_samples(file, number, &sink);
}

static voxz_status write_entry(voxz_file *file, size_t number, output *out) {
  const voxz_sink sink = {write_output, out};
  return voxz_restore(file, number, &sink);
}

static voxz_status check(voxz_file *file, size_t unused, output *out) {
  voxz_status status = voxz_verify(file);
  (void)unused;
  for (size_t array = 0; array < voxz_arrays(file) && status == VOXZ_OK; array++) status = write_samples(file, array, out);
  return status;
}

static voxz_status list(voxz_file *file, size_t unused, output *out) {
  size_t entries;
  const voxz_status status = voxz_entries(file, &entries);
  (void)unused;
  if (status != VOXZ_OK) return status;
  for (size_t i = 0; i < voxz_arrays(file); i++) {
    voxz_array about;
    voxz_describe(file, i, &about);
    fprintf(out->stream, "array %zu: type %d, shape", i, (int)about.dtype);
    for (unsigned axis = 0; axis < about.axes; axis++) fprintf(out->stream, " %llu", (unsigned long long)about.shape[axis]);
    fprintf(out->stream, ", %llu bricks%s\n", (unsigned long long)about.bricks, about.lossy ? ", with loss" : "");
  }
  for (size_t i = 0; i < entries; i++) {
    voxz_entry about;
    voxz_describe_entry(file, i, &about);
    fprintf(out->stream, "file %zu: %llu bytes %.*s\n", i, (unsigned long long)about.size, (int)about.name_length, about.name);
  }
  return VOXZ_OK;
}

static int usage(void) {
  fputs("voxz-decode [-c | -s ARRAY | -f FILE_NUMBER] [-m MODEL]... FILE.voxz\n", stderr);
  return USAGE;
}

static int size_of(FILE *stream, uint64_t *size) {
  const int sought = fseek(stream, 0, SEEK_END) == 0;
  const long end = sought ? ftell(stream) : -1;
  *size = end < 0 ? 0 : (uint64_t)end;
  return end >= 0;
}

static int load_model(const char *name, opened *it) {
  model *loaded = &it->models[it->model_count];
  FILE *stream = it->model_count < MOST_MODELS ? fopen(name, "rb") : NULL;
  uint64_t size;
  if (!stream) return 0;
  const int sized = size_of(stream, &size);
  loaded->size = sized ? (size_t)size : 0;
  loaded->bytes = malloc(loaded->size + 1);
  const int read = sized && loaded->bytes && read_stream(stream, 0, loaded->bytes, loaded->size) == 0;
  it->model_count++;
  fclose(stream);
  return read;
}

/* What was asked for. */
typedef struct wish {
  action *act;
  size_t number;
  const char *file;
} wish;

static int understand(int count, char **words, wish *asked, opened *it) {
  for (int i = 1; i < count; i++) {
    const char *word = words[i], *next = i + 1 < count ? words[i + 1] : NULL;
    if (strcmp(word, "-c") == 0) {
      asked->act = check;
    } else if (strcmp(word, "-m") == 0 && next) {
      i++;
      if (!load_model(next, it)) return 0;
    } else if ((strcmp(word, "-s") == 0 || strcmp(word, "-f") == 0) && next) {
      i++;
      asked->act = word[1] == 's' ? write_samples : write_entry;
      asked->number = (size_t)strtoul(next, NULL, 10);
    } else if (asked->file || word[0] == '-') {
      return 0;
    } else {
      asked->file = word;
    }
  }
  return asked->file != NULL;
}

int main(int count, char **words) {
  opened it = {.source = {0, read_stream, NULL}};
  wish asked = {list, 0, NULL};
  if (!understand(count, words, &asked, &it)) return usage();
  FILE *stream = fopen(asked.file, "rb");
  it.source.user = stream;
  if (!stream || !size_of(stream, &it.source.size)) {
    fprintf(stderr, "voxz-decode: %s cannot be read\n", asked.file);
    return VOXZ_SOURCE;
  }
  const voxz_status status = run(&it, asked.act, asked.number, asked.act == check ? NULL : stdout);
  if (status != VOXZ_OK) fprintf(stderr, "voxz-decode: %s: %s: %s\n", asked.file, voxz_status_text(status), voxz_message(it.file));
  for (unsigned i = 0; i < it.model_count; i++) free(it.models[i].bytes);
  free(it.memory);
  fclose(stream);
  return (int)status;
}
