#include "stored.h"

#include "bytes.h"
#include "inflate.h"
#include "lzma.h"

enum { PLAIN, ZLIB, SORTED, LZMA };

static voxz_status unpack_sorted(vx_task *task, const uint8_t *data, size_t size, unsigned itemsize, uint8_t *out, size_t length) {
  const size_t used = task->used, samples = length / itemsize;
  uint8_t *sorted;
  VX_NEW(task, sorted, length);
  VX_TRY(vx_unzip(task, data, size, sorted, length));
  for (unsigned byte = 0; byte < itemsize; byte++)
    for (size_t i = 0; i < samples; i++) out[i * itemsize + byte] = sorted[byte * samples + i];
  task->used = used;
  return VOXZ_OK;
}

voxz_status vx_unpack_stored(vx_task *task, const uint8_t *payload, size_t size, unsigned itemsize, uint8_t *out, size_t length) {
  VX_CHECK(task, size >= 1 && payload[0] <= LZMA, "stored bytes have an unknown method");
  const uint8_t *data = payload + 1;
  size--;
  if (payload[0] == ZLIB) return vx_unzip(task, data, size, out, length);
  if (payload[0] == SORTED) return unpack_sorted(task, data, size, itemsize, out, length);
  if (payload[0] == LZMA) return vx_unlzma(task, data, size, out, length);
  VX_CHECK(task, size == length, "there are not as many stored bytes as were expected");
  memcpy(out, data, length);
  return VOXZ_OK;
}

voxz_status vx_decode_stored(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples) {
  const size_t length = vx_brick_samples(brick) * brick->itemsize;
  VX_TRY(vx_unpack_stored(task, payload, size, brick->itemsize, samples, length));
  vx_swap_if_big_endian(samples, length, vx_number_size(brick->dtype, brick->itemsize));
  return VOXZ_OK;
}
