#include "integers.h"

enum { ESCAPE = 24, ESCAPED = 31, LARGEST_PARAMETER = 24, WINDOW = 16, FIRST_TOTAL = 4, FIRST_COUNT = 1 };

/* Running sum and number of the folded integers of a column. */
typedef struct column {
  uint64_t total;
  uint32_t count;
} column;

/* Words of 32 bits from the least significant bit on are bytes from the least significant bit on. */
typedef struct stream {
  const uint8_t *data;
  uint64_t bits, at;
} stream;

/* Beyond the end there are zeros; whether that was reached is seen from the place. */
static uint64_t next_bits(stream *in, unsigned count) {
  uint64_t value = 0;
  for (unsigned i = 0; i < count; i++, in->at++)
    if (in->at < in->bits) value |= (uint64_t)(in->data[in->at / 8] >> in->at % 8 & 1) << i;
  return value;
}

static unsigned parameter_of(const column *of) {
  unsigned parameter = 0;
  while (parameter < LARGEST_PARAMETER && (uint64_t)of->count << parameter < of->total) parameter++;
  return parameter;
}

static int64_t next_integer(stream *in, column *of) {
  const unsigned parameter = parameter_of(of);
  uint64_t quotient = 0, folded;
  while (quotient < ESCAPE && next_bits(in, 1)) quotient++;
  folded = quotient < ESCAPE ? quotient << parameter | next_bits(in, parameter) : next_bits(in, ESCAPED);
  of->total += folded;
  of->count++;
  if (of->count == WINDOW) {
    of->total >>= 1;
    of->count >>= 1;
  }
  return vx_unfold(folded);
}

/* The bytes of the next array, whose length comes first; each integer takes a bit or more. */
static voxz_status next_array(vx_task *task, vx_side *side, uint64_t count, stream *in) {
  const uint64_t length = vx_varint(&side->bytes);
  const uint8_t *data = vx_bytes_take(&side->bytes, length);
  VX_CHECK(task, data && !side->bytes.overrun, "the side information ends early");
  VX_CHECK(task, count <= 8 * length, "there are fewer integers in the side information than were expected");
  in->data = data;
  in->bits = 8 * length;
  in->at = 0;
  return VOXZ_OK;
}

static voxz_status read_array(vx_task *task, stream *in, uint64_t count, const uint32_t *columns, column *states, int64_t *values) {
  for (uint64_t i = 0; i < count && in->at <= in->bits; i++) values[i] = next_integer(in, &states[columns ? columns[i] : 0]);
  VX_CHECK(task, (in->at + 7) / 8 == in->bits / 8, "integers of the side information do not fit their bytes");
  return VOXZ_OK;
}

voxz_status vx_integers(vx_task *task, vx_side *side, uint64_t count, const uint32_t *columns, uint32_t column_count, int64_t **values) {
  stream in;
  column *states;
  const uint32_t states_count = columns ? column_count : 1;
  VX_TRY(next_array(task, side, count, &in));
  VX_NEW(task, *values, count);
  const size_t used = task->used;
  VX_NEW(task, states, states_count);
  for (uint32_t c = 0; c < states_count; c++) {
    states[c].total = FIRST_TOTAL;
    states[c].count = FIRST_COUNT;
  }
  VX_TRY(read_array(task, &in, count, columns, states, *values));
  task->used = used;
  return VOXZ_OK;
}

voxz_status vx_few_integers(vx_task *task, vx_side *side, unsigned count, int64_t *values) {
  stream in;
  column state = {FIRST_TOTAL, FIRST_COUNT};
  VX_TRY(next_array(task, side, count, &in));
  return read_array(task, &in, count, NULL, &state, values);
}

voxz_status vx_side_end(vx_task *task, const vx_side *side) {
  VX_CHECK(task, !side->bytes.overrun && side->bytes.at == side->bytes.end, "bytes are left over after the side information");
  return VOXZ_OK;
}
