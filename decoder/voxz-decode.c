/* voxz-decode: lists what a .voxz file holds, checks it, and writes samples or files.

   voxz-decode FILE              what is in it
   voxz-decode -c FILE           decode and check everything
   voxz-decode -s NUMBER FILE    samples of an array, in the byte order of its files, to standard output
   voxz-decode -f NUMBER FILE    content of a file, to standard output */

#include "voxz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_MEMORY = 1 << 24, USAGE = 64 };

static const size_t MOST_MEMORY = (size_t)1 << (sizeof(size_t) > 4 ? 36 : 30);

typedef struct opened {
  voxz_source source;
  void *memory;
  size_t size;
  voxz_file *file;
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

/* Open the file and do something, with twice as much memory as long as there is too little. */
static voxz_status run(opened *it, action *act, size_t number, FILE *stream) {
  voxz_status status = VOXZ_OK;
  output out = {stream, 0, 0};
  for (;;) {
    if (!it->file) status = it->memory ? voxz_open(&it->source, it->memory, it->size, &it->file) : VOXZ_MEMORY;
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
  fputs("voxz-decode [-c | -s ARRAY | -f FILE_NUMBER] FILE.voxz\n", stderr);
  return USAGE;
}

static int size_of(FILE *stream, uint64_t *size) {
  const int sought = fseek(stream, 0, SEEK_END) == 0;
  const long end = sought ? ftell(stream) : -1;
  *size = end < 0 ? 0 : (uint64_t)end;
  return end >= 0;
}

int main(int count, char **words) {
  const char *option = count > 2 ? words[1] : "";
  action *act = strcmp(option, "-c") == 0   ? check
                : strcmp(option, "-s") == 0 ? write_samples
                : strcmp(option, "-f") == 0 ? write_entry
                                            : list;
  const int numbered = act == write_samples || act == write_entry;
  if (count != 2 + (act != list) + numbered) return usage();
  FILE *stream = fopen(words[count - 1], "rb");
  opened it = {{0, read_stream, stream}, NULL, 0, NULL};
  if (!stream || !size_of(stream, &it.source.size)) {
    fprintf(stderr, "voxz-decode: %s cannot be read\n", words[count - 1]);
    return VOXZ_SOURCE;
  }
  const voxz_status status = run(&it, act, numbered ? (size_t)strtoul(words[2], NULL, 10) : 0, act == check ? NULL : stdout);
  if (status != VOXZ_OK)
    fprintf(stderr, "voxz-decode: %s: %s: %s\n", words[count - 1], voxz_status_text(status), voxz_message(it.file));
  free(it.memory);
  fclose(stream);
  return (int)status;
}
