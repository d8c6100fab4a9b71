/* Floats with integers in them: ranks in a palette, numbers of a scale, whole numbers of a unit. */

#include "floats.h"
#include "numbers.h"
#include "residuals.h"
#include "stored.h"

enum { MULTIPLY, DIVIDE, NARROW, MOST_VALUES = 1 << 16, MOST_GRADES = 1024 };

/* A part in the form of codec 0, of `count` numbers of `width` bytes: bytes in little-endian order. */
static voxz_status stored_part(vx_task *task, vx_bytes *from, size_t count, unsigned width, uint8_t **bytes) {
  const vx_bytes part = vx_part(from);
  VX_CHECK(task, !from->overrun, "a brick of floats ends early");
  VX_NEW(task, *bytes, count * width);
  return vx_unpack_stored(task, part.at, vx_bytes_left(&part), width, *bytes, count * width);
}

static uint64_t number_at(const uint8_t *bytes, size_t index, unsigned width) {
  uint64_t number = 0;
  for (unsigned i = 0; i < width; i++) number |= (uint64_t)bytes[index * width + i] << 8 * i;
  return number;
}

/* Keys are in the order of the floats: the sign is inverted, or all bits. */
static uint64_t bits_of_key(uint64_t key, unsigned width) {
  const uint64_t sign = (uint64_t)1 << (8 * width - 1), all = sign | (sign - 1);
  return key & sign ? key ^ sign : key ^ all;
}

voxz_status vx_palette_floats(vx_task *task, vx_bytes *from, vx_floats *floats) {
  const uint32_t size = vx_u32(from);
  const unsigned width = floats->width;
  const uint64_t most = width == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * width) - 1;
  uint8_t *steps;
  int32_t *ranks;
  uint64_t *keys;
  VX_CHECK(task, size >= 1 && size <= MOST_VALUES && size <= vx_brick_samples(&floats->brick), "a palette has an impossible number of values");
  VX_TRY(stored_part(task, from, size, width, &steps));
  VX_NEW(task, keys, size);
  for (uint32_t i = 0; i < size; i++) {
    const uint64_t step = number_at(steps, i, width), before = i ? keys[i - 1] : 0;
    VX_CHECK(task, step <= most - before && (step > 0 || i == 0), "the values of a palette are out of order");
    keys[i] = before + step;
  }
  VX_TRY(vx_float_integers(task, from, floats, &ranks));
  for (size_t i = 0; i < floats->count; i++) {
    VX_CHECK(task, ranks[i] >= 0 && (uint32_t)ranks[i] < size, "a sample has a rank beyond the palette");
    floats->bits[i] = bits_of_key(keys[ranks[i]], width);
  }
  return VOXZ_OK;
}

typedef struct scale {
  double slope, intercept;
  unsigned method;
} scale;

/* Each operation rounds; by the last method, to the narrow type. */
static uint64_t scaled(const scale *by, int32_t number, unsigned width) {
  if (by->method == NARROW) {
    const double slope = vx_float_of(vx_float_bits(by->slope, width), width), intercept = vx_float_of(vx_float_bits(by->intercept, width), width);
    const double narrow = vx_float_of(vx_float_bits(number, width), width);
    const double product = vx_float_of(vx_float_bits(narrow * slope, width), width);
    return vx_float_bits(product + intercept, width);
  }
  const double product = by->method == DIVIDE ? number / by->slope : number * by->slope;
  return vx_float_bits(product + by->intercept, width);
}

/* Samples that are present in a slice. */
static size_t present_in(const vx_floats *floats, size_t slice) {
  const size_t area = (size_t)floats->brick.y * floats->brick.x;
  size_t count = 0;
  for (size_t i = slice * area; i < (slice + 1) * area; i++) count += !floats->present || floats->present[i];
  return count;
}

/* Differences of ordinals, graded by how many octaves a result lies below the largest. */
static voxz_status add_differences(vx_task *task, vx_bytes part, vx_floats *floats) {
  const unsigned mantissa = vx_mantissa_of(floats->width);
  const uint64_t sign = (uint64_t)1 << (8 * floats->width - 1), all = sign | (sign - 1);
  uint16_t *grades;
  int64_t *differences;
  uint64_t largest = 0;
  VX_NEW(task, grades, floats->count);
  VX_NEW(task, differences, floats->count);
  for (size_t i = 0; i < floats->count; i++) {
    const uint64_t exponent = (floats->bits[i] & (sign - 1)) >> mantissa;
    largest = exponent > largest ? exponent : largest;
  }
  for (size_t i = 0; i < floats->count; i++) {
    const uint64_t below = largest - ((floats->bits[i] & (sign - 1)) >> mantissa);
    grades[i] = (uint16_t)(below < MOST_GRADES ? below : MOST_GRADES - 1);
  }
  VX_TRY(vx_sequence(task, part, grades, floats->count, differences));
  for (size_t i = 0; i < floats->count; i++) {
    const int64_t magnitude = (int64_t)(floats->bits[i] & (sign - 1)), ordinal = floats->bits[i] & sign ? -magnitude : magnitude;
    const uint64_t moved = (uint64_t)ordinal + (uint64_t)differences[i];
    floats->bits[i] = (moved >> 63 ? (~moved + 1) | sign : moved) & all;
  }
  return VOXZ_OK;
}

voxz_status vx_scaled_floats(vx_task *task, vx_bytes *from, vx_floats *floats) {
  const unsigned several = vx_u8(from);
  const size_t slices = (size_t)floats->brick.series * floats->brick.z, scales = several ? slices : 1;
  const uint8_t *methods = vx_bytes_take(from, scales);
  uint8_t *table;
  int32_t *numbers;
  VX_CHECK(task, methods && several <= 1, "a brick of scaled floats has an unknown arithmetic");
  VX_TRY(stored_part(task, from, 2 * scales, 8, &table));
  for (size_t k = 0; k < scales; k++) VX_CHECK(task, methods[k] <= NARROW, "a brick of scaled floats has an unknown arithmetic");
  VX_TRY(vx_float_integers(task, from, floats, &numbers));
  for (size_t k = 0, i = 0; k < scales; k++) {
    const scale by = {vx_float_of(number_at(table, k, 8), 8), vx_float_of(number_at(table, scales + k, 8), 8), methods[k]};
    const size_t end = several ? i + present_in(floats, k) : floats->count;
    for (; i < end; i++) floats->bits[i] = scaled(&by, numbers[i], floats->width);
  }
  const vx_bytes part = vx_part(from);
  VX_CHECK(task, !from->overrun, "a brick of floats ends early");
  return part.at == part.end ? VOXZ_OK : add_differences(task, part, floats);
}

voxz_status vx_stepped_floats(vx_task *task, vx_bytes *from, vx_floats *floats) {
  const double low = vx_f64(from), unit = vx_f64(from);
  const voxz_dtype dtype = floats->width == 2 ? VOXZ_FLOAT16 : floats->width == 4 ? VOXZ_FLOAT32 : VOXZ_FLOAT64;
  double least, most;
  int32_t *numbers;
  VX_CHECK(task, vx_is_finite(low) && vx_is_finite(unit) && unit > 0, "a brick of floats has an impossible unit");
  vx_limits(dtype, &least, &most);
  VX_TRY(vx_float_integers(task, from, floats, &numbers));
  for (size_t i = 0; i < floats->count; i++) {
    const double value = low + numbers[i] * unit;
    floats->bits[i] = vx_float_bits(value > least ? (value < most ? value : most) : least, floats->width);
  }
  return VOXZ_OK;
}
