#include "arrays.h"

enum { LARGEST = 1 << 16 };

voxz_status vx_open_arrays(vx_task *task, const uint8_t *file, size_t size, vx_arrays *arrays) {
  vx_bytes bytes = vx_bytes_of(file, size);
  const uint64_t length = vx_u64(&bytes);
  const uint8_t *text = vx_bytes_take(&bytes, length);
  VX_CHECK(task, text && !bytes.overrun, "a model is no file of arrays");
  arrays->header.at = (const char *)text;
  arrays->header.end = (const char *)text + length;
  arrays->body = bytes;
  return VOXZ_OK;
}

vx_json vx_array_text(const vx_arrays *arrays, const char *name) {
  return vx_json_find(vx_json_find(arrays->header, "__metadata__"), name);
}

uint32_t vx_array_axis(const vx_arrays *arrays, const char *name, unsigned axis) {
  const uint64_t length = vx_json_whole(vx_json_item(vx_json_find(vx_json_find(arrays->header, name), "shape"), axis));
  return length <= UINT32_MAX ? (uint32_t)length : 0;
}

voxz_status vx_take_array(vx_task *task, const vx_arrays *arrays, const char *name, unsigned axes, const uint32_t *shape, double **values) {
  const vx_json entry = vx_json_find(arrays->header, name);
  const vx_json offsets = vx_json_find(entry, "data_offsets"), dtype = vx_json_find(entry, "dtype");
  const uint64_t first = vx_json_whole(vx_json_item(offsets, 0));
  const unsigned width = vx_json_is(dtype, "\"F64\"") ? 8 : vx_json_is(dtype, "\"F32\"") ? 4 : 0;
  vx_bytes body = arrays->body;
  uint64_t count = 1;
  for (unsigned axis = 0; axis < axes; axis++) {
    VX_CHECK(task, vx_array_axis(arrays, name, axis) == shape[axis], "an array of a model has another shape");
    count *= shape[axis];
  }
  VX_CHECK(task, width && !vx_json_item(vx_json_find(entry, "shape"), axes).at, "an array of a model is of another kind");
  VX_CHECK(task, first <= vx_bytes_left(&body) && count <= (vx_bytes_left(&body) - first) / width, "an array of a model ends early");
  vx_bytes_take(&body, first);
  VX_NEW(task, *values, count);
  for (uint64_t i = 0; i < count; i++) {
    const double value = width == 8 ? vx_f64(&body) : (double)vx_f32(&body);
    VX_CHECK(task, value >= -LARGEST && value <= LARGEST, "the numbers of a model are out of bounds");
    (*values)[i] = value;
  }
  return VOXZ_OK;
}
