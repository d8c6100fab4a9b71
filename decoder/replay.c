/* Inputs of the fuzzer once more, by any compiler: replay INPUT... */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *name) {
  FILE *stream = fopen(name, "rb");
  if (!stream || fseek(stream, 0, SEEK_END) != 0) return 1;
  const size_t size = (size_t)ftell(stream);
  uint8_t *data = malloc(size ? size : 1); /* of the exact size, so that reading beyond the end is seen */
  rewind(stream);
  const int read = data && fread(data, 1, size, stream) == size;
  fclose(stream);
  if (read) LLVMFuzzerTestOneInput(data, size);
  free(data);
  return !read;
}

int main(int count, char **words) {
  for (int i = 1; i < count; i++) {
    printf("%s\n", words[i]);
    fflush(stdout);
    if (replay(words[i]) != 0) return 1;
  }
  return 0;
}
