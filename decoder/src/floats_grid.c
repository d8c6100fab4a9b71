/* Floats on a coarse grid that is predicted, and the raw bits below it. */

#include "floats.h"
#include "residuals.h"

typedef struct grid {
  unsigned floor, kept, zeros, mantissa, highest;
} grid;

typedef struct raw {
  const uint8_t *data;
  uint64_t bits, at;
} raw;

static uint64_t next_bits(raw *from, unsigned count) {
  uint64_t value = 0;
  for (unsigned i = 0; i < count; i++, from->at++)
    if (from->at < from->bits) value |= (uint64_t)(from->data[from->at / 8] >> from->at % 8 & 1) << i;
  return value;
}

static unsigned digits_of(uint64_t value) {
  unsigned digits = 0;
  while (value >> digits) digits++;
  return digits;
}

/* Zero, or a float below the first step, whose symbol says its exponent and sign. */
static int small_float(const grid *on, int64_t symbol, raw *from, uint64_t *bits, unsigned *negative) {
  const int64_t exponent = vx_right(symbol - 1, 1);
  if (symbol < 0 || exponent >= on->highest) return 0;
  *bits = 0;
  *negative = 0;
  if (symbol == 0) return 1;
  *negative = (symbol - 1) & 1;
  const unsigned length = on->mantissa > on->zeros ? on->mantissa - on->zeros : 0;
  *bits = (uint64_t)exponent << on->mantissa | next_bits(from, length) << on->zeros;
  return 1;
}

/* A float from its grid value, which tells the exponent, and so how many bits lie below it. */
static int grid_float(const grid *on, uint64_t value, raw *from, uint64_t *bits) {
  int64_t exponent;
  unsigned shift = on->mantissa - on->kept;
  if (value >> on->kept) {
    const uint64_t octaves = (value >> on->kept) - 1;
    exponent = (int64_t)(on->floor + octaves);
    value -= octaves << on->kept;
    if (exponent >= on->highest) return 0;
  } else {
    shift = on->mantissa + 1 - digits_of(value);
    exponent = (int64_t)on->floor - (shift - (on->mantissa - on->kept));
    if (exponent < 1) {
      exponent = 1;
      shift = on->mantissa - on->kept + on->floor - 1;
    }
  }
  const unsigned length = shift > on->zeros ? shift - on->zeros : 0;
  const uint64_t digits = value << shift | next_bits(from, length) << on->zeros, one = (uint64_t)1 << on->mantissa;
  *bits = digits >= one ? (uint64_t)exponent << on->mantissa | (digits & (one - 1)) : digits;
  return 1;
}

static voxz_status read_symbols(vx_task *task, vx_bytes *from, const int32_t *values, size_t count, int64_t **symbols) {
  size_t zeros = 0;
  for (size_t i = 0; i < count; i++) zeros += values[i] == 0;
  VX_NEW(task, *symbols, zeros);
  const vx_bytes part = vx_part(from);
  VX_CHECK(task, !from->overrun, "a brick of floats ends early");
  return vx_sequence(task, part, NULL, zeros, *symbols);
}

voxz_status vx_grid_floats(vx_task *task, vx_bytes *from, vx_floats *floats) {
  const unsigned floor = vx_u16(from), kept = vx_u8(from), zeros = vx_u8(from), width = floats->width;
  const grid on = {floor, kept, zeros, vx_mantissa_of(width), (1u << vx_exponent_of(width)) - 1};
  int32_t *values;
  int64_t *symbols;
  const int bounded = floor >= 1 && floor < on.highest && kept >= 1 && kept <= on.mantissa && zeros <= on.mantissa;
  VX_CHECK(task, bounded && !from->overrun, "the grid of a brick is out of bounds");
  VX_TRY(vx_float_integers(task, from, floats, &values));
  VX_TRY(read_symbols(task, from, values, floats->count, &symbols));
  const vx_bytes part = vx_part(from);
  raw below = {part.at, 8 * (uint64_t)vx_bytes_left(&part), 0};
  for (size_t i = 0; i < floats->count; i++) {
    unsigned negative = values[i] < 0;
    uint64_t bits;
    const int sound = values[i] == 0 ? small_float(&on, *symbols++, &below, &bits, &negative)
                                     : grid_float(&on, (uint64_t)vx_magnitude(values[i]), &below, &bits);
    VX_CHECK(task, sound && below.at <= below.bits, "the low bits of floats do not fit the values above them");
    floats->bits[i] = bits | (uint64_t)negative << (8 * width - 1);
  }
  VX_CHECK(task, below.bits - below.at < 8, "the low bits of floats do not fit the values above them");
  return VOXZ_OK;
}
