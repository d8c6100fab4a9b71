#include "numbers.h"

#include <math.h>

enum { HALF_MANTISSA = 10, DOUBLE_MANTISSA = 52, HALF_BIAS = 15, DOUBLE_BIAS = 1023 };

int vx_is_finite(double value) { return value - value == 0.0; }

int vx_is_whole(voxz_dtype dtype) { return dtype < VOXZ_FLOAT16; }

void vx_limits(voxz_dtype dtype, double *low, double *high) {
  switch (dtype) {
  case VOXZ_INT8: *low = INT8_MIN, *high = INT8_MAX; break;
  case VOXZ_UINT8: *low = 0, *high = UINT8_MAX; break;
  case VOXZ_INT16: *low = INT16_MIN, *high = INT16_MAX; break;
  case VOXZ_UINT16: *low = 0, *high = UINT16_MAX; break;
  case VOXZ_INT32: *low = INT32_MIN, *high = INT32_MAX; break;
  case VOXZ_UINT32: *low = 0, *high = UINT32_MAX; break;
  case VOXZ_FLOAT16: *high = 65504.0, *low = -*high; break;
  case VOXZ_FLOAT32: *high = 340282346638528859811704183484516925440.0, *low = -*high; break;
  default: *high = 1.7976931348623157e308, *low = -*high;
  }
}

/* `value >> bits`, rounded half to even. */
static uint64_t shifted_even(uint64_t value, unsigned bits) {
  const uint64_t rest = value & (((uint64_t)1 << bits) - 1), half = (uint64_t)1 << (bits - 1), whole = value >> bits;
  return whole + (rest > half || (rest == half && (whole & 1)));
}

uint16_t vx_half_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint16_t sign = (uint16_t)(bits >> 63 << 15);
  const int exponent = (int)(bits >> DOUBLE_MANTISSA & 2047) - DOUBLE_BIAS + HALF_BIAS;
  const uint64_t digits = (bits & (((uint64_t)1 << DOUBLE_MANTISSA) - 1)) | (uint64_t)1 << DOUBLE_MANTISSA;
  const unsigned down = DOUBLE_MANTISSA - HALF_MANTISSA;
  if (value != value) return sign | 0x7E00;
  if (exponent >= 31) return sign | 0x7C00;
  if (exponent < -HALF_MANTISSA) return sign;
  if (exponent < 1) return sign | (uint16_t)shifted_even(digits, down + 1 - (unsigned)exponent);
  return sign | (uint16_t)(((uint64_t)(exponent - 1) << HALF_MANTISSA) + shifted_even(digits, down));
}

double vx_from_half(uint16_t bits) {
  const int exponent = bits >> HALF_MANTISSA & 31;
  double value = bits & ((1 << HALF_MANTISSA) - 1);
  if (exponent == 31) return value > 0 ? (double)NAN : bits >> 15 ? -(double)INFINITY : (double)INFINITY;
  if (exponent) value += 1 << HALF_MANTISSA;
  value *= 1.0 / (1 << 24);
  for (int k = 1; k < exponent; k++) value *= 2.0;
  return bits >> 15 ? -value : value;
}

double vx_get_number(voxz_dtype dtype, const void *samples, size_t index) {
  const uint8_t *at = samples;
  switch (dtype) {
  case VOXZ_INT8: return ((const int8_t *)samples)[index];
  case VOXZ_UINT8: return at[index];
  case VOXZ_INT16: return ((const int16_t *)samples)[index];
  case VOXZ_UINT16: return ((const uint16_t *)samples)[index];
  case VOXZ_INT32: return ((const int32_t *)samples)[index];
  case VOXZ_UINT32: return ((const uint32_t *)samples)[index];
  case VOXZ_FLOAT16: return vx_from_half(((const uint16_t *)samples)[index]);
  case VOXZ_FLOAT32: return (double)((const float *)samples)[index];
  default: return ((const double *)samples)[index];
  }
}

void vx_put_number(voxz_dtype dtype, void *samples, size_t index, double value) {
  double low, high;
  vx_limits(dtype, &low, &high);
  const double held = value > low ? (value < high ? value : high) : low;
  switch (dtype) {
  case VOXZ_INT8: ((int8_t *)samples)[index] = (int8_t)held; break;
  case VOXZ_UINT8: ((uint8_t *)samples)[index] = (uint8_t)held; break;
  case VOXZ_INT16: ((int16_t *)samples)[index] = (int16_t)held; break;
  case VOXZ_UINT16: ((uint16_t *)samples)[index] = (uint16_t)held; break;
  case VOXZ_INT32: ((int32_t *)samples)[index] = (int32_t)held; break;
  case VOXZ_UINT32: ((uint32_t *)samples)[index] = (uint32_t)held; break;
  case VOXZ_FLOAT16: ((uint16_t *)samples)[index] = vx_half_of(held); break;
  case VOXZ_FLOAT32: ((float *)samples)[index] = (float)held; break;
  default: ((double *)samples)[index] = held;
  }
}
