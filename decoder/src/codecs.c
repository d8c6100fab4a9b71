#include "codecs.h"

#include "stored.h"

/* Sample types that a codec takes, a bit for each number of a type. */
enum {
  INTEGERS = 1 << VOXZ_INT8 | 1 << VOXZ_UINT8 | 1 << VOXZ_INT16 | 1 << VOXZ_UINT16 | 1 << VOXZ_INT32 | 1 << VOXZ_UINT32,
  FLOATS = 1 << VOXZ_FLOAT16 | 1 << VOXZ_FLOAT32 | 1 << VOXZ_FLOAT64,
  COMPLEX = 1 << VOXZ_COMPLEX64 | 1 << VOXZ_COMPLEX128,
  WORDS = INTEGERS | FLOATS | 1 << VOXZ_BOOL | 1 << VOXZ_INT64 | 1 << VOXZ_UINT64 | 1 << VOXZ_COMPLEX64, /* of 8 bytes at most */
  ALL = WORDS | COMPLEX | 1 << VOXZ_FLOAT128 | 1 << VOXZ_COMPLEX256
};

typedef voxz_status decoder(vx_task *, const uint8_t *, size_t, const vx_brick *, void *);

static const struct {
  decoder *decode;
  int types;
} CODECS[] = {
    {vx_decode_stored, ALL},
    {vx_decode_predictive, INTEGERS},
    {vx_decode_labels, WORDS},
    {vx_decode_floats, FLOATS | COMPLEX},
    {vx_decode_wavelet, INTEGERS | FLOATS},
    {vx_decode_siren, INTEGERS | FLOATS},
    {vx_decode_turned, ALL},
};

unsigned vx_itemsize(voxz_dtype dtype) {
  static const uint8_t ITEMSIZES[] = {0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8, 8, 16, 16, 32};
  return ITEMSIZES[dtype];
}

voxz_status vx_decode_brick(vx_task *task, unsigned codec, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples) {
  if (codec >= sizeof CODECS / sizeof *CODECS)
    return vx_fail(task, VOXZ_UNSUPPORTED, "a brick uses a codec that format 1.0 does not have");
  VX_CHECK(task, CODECS[codec].types >> brick->dtype & 1, "a brick uses a codec that does not take samples of its type");
  if (!CODECS[codec].decode) return vx_fail(task, VOXZ_UNSUPPORTED, "a brick uses a codec that this decoder does not have");
  const size_t used = task->used;
  VX_TRY(CODECS[codec].decode(task, payload, size, brick, samples));
  task->used = used;
  return VOXZ_OK;
}
