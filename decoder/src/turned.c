/* Codec 6: a long series of tiny volumes, coded as an image by another codec. */

#include "bytes.h"
#include "codecs.h"

enum { TURNED = 6 };

voxz_status vx_decode_turned(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples) {
  vx_bytes from = vx_bytes_of(payload, size);
  const unsigned codec = vx_u8(&from);
  const uint32_t period = vx_u32(&from);
  const size_t count = vx_brick_samples(brick);
  VX_CHECK(task, !from.overrun && codec != TURNED && period >= 1 && period <= count, "a turned brick has an impossible period");
  vx_brick image = *brick;
  image.series = image.z = image.channels = 1;
  image.y = period;
  image.x = (uint32_t)((count + period - 1) / period);
  uint8_t *there;
  VX_NEW(task, there, vx_brick_samples(&image) * brick->itemsize);
  VX_TRY(vx_decode_brick(task, codec, from.at, vx_bytes_left(&from), &image, there));
  for (size_t k = 0; k < count; k++) {
    const size_t place = k % period * image.x + k / period;
    memcpy((uint8_t *)samples + k * brick->itemsize, there + place * brick->itemsize, brick->itemsize);
  }
  return VOXZ_OK;
}
