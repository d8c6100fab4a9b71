#include "residuals.h"

#include "frequencies.h"

enum { MOST_RANGES = 128, PHASES = 4, LARGEST_SHIFT = 26, TOTAL = 1 << VX_SLOT_BITS };

typedef struct ranges {
  int64_t number;
  int64_t *firsts, *shifts, *phased;
} ranges;

static voxz_status read_ranges(vx_task *task, vx_side *side, ranges *made) {
  int64_t *steps, first = 0;
  VX_TRY(vx_few_integers(task, side, 1, &made->number));
  VX_CHECK(task, made->number >= 1 && made->number <= MOST_RANGES, "entropy tables have an impossible number of ranges");
  VX_NEW(task, made->firsts, made->number);
  VX_TRY(vx_integers(task, side, (uint64_t)made->number - 1, NULL, 0, &steps));
  VX_TRY(vx_integers(task, side, (uint64_t)made->number, NULL, 0, &made->shifts));
  VX_TRY(vx_integers(task, side, (uint64_t)made->number, NULL, 0, &made->phased));
  for (int64_t i = 0; i < made->number; i++) {
    const int64_t further = i ? steps[i - 1] : 0;
    VX_CHECK(task, i == 0 || (further > 0 && further < VX_GRADES), "the ranges of the entropy tables are out of bounds");
    first += further;
    made->firsts[i] = first;
    const int bounded = first < VX_GRADES && made->shifts[i] >= 0 && made->shifts[i] <= LARGEST_SHIFT && made->phased[i] >= 0 && made->phased[i] <= 1;
    VX_CHECK(task, bounded, "the ranges of the entropy tables are out of bounds");
  }
  return VOXZ_OK;
}

/* Tables of the ranges, one after the other: returns how many there are. */
static unsigned lay_out(const ranges *of, vx_tables *made, uint8_t *shifts) {
  unsigned tables = 0;
  for (int64_t i = 0; i < of->number; i++) {
    const size_t first = (size_t)of->firsts[i];
    for (size_t grade = first; grade < VX_GRADES; grade++) made->first[grade] = (uint16_t)tables;
    memset(made->phased + first, of->phased[i] ? PHASES - 1 : 0, VX_GRADES - first);
    for (unsigned copy = 0; copy < (of->phased[i] ? PHASES : 1u); copy++) shifts[tables++] = (uint8_t)of->shifts[i];
  }
  return tables;
}

static voxz_status fill_table(vx_task *task, int64_t *steps, vx_table *table) {
  unsigned start = 0;
  VX_CHECK(task, vx_frequencies(steps, VX_TOKENS, TOTAL), "a frequency of an entropy table is out of bounds");
  for (unsigned token = 0; token < VX_TOKENS; token++) {
    table->start[token] = (uint16_t)start;
    table->frequency[token] = (uint16_t)steps[token];
    memset(table->token + start, (int)token, (size_t)steps[token]);
    start += (unsigned)steps[token];
  }
  return VOXZ_OK;
}

static voxz_status fill_tables(vx_task *task, unsigned count, const int64_t *used, const int64_t *differences, vx_tables *made) {
  for (unsigned t = 0; t < count; t++) {
    int64_t steps[VX_TOKENS] = {0}, step = 0;
    for (int64_t token = 0; token < used[t]; token++) {
      step += *differences++;
      steps[token] = step;
    }
    VX_TRY(fill_table(task, steps, &made->table[t]));
  }
  return VOXZ_OK;
}

voxz_status vx_read_tables(vx_task *task, vx_side *side, vx_tables *made) {
  ranges of;
  int64_t *used, *differences, sum = 0;
  uint8_t shifts[MOST_RANGES * PHASES];
  VX_TRY(read_ranges(task, side, &of));
  const unsigned count = lay_out(&of, made, shifts);
  VX_TRY(vx_integers(task, side, count, NULL, 0, &used));
  for (unsigned t = 0; t < count; t++) {
    VX_CHECK(task, used[t] >= 0 && used[t] <= VX_TOKENS, "an entropy table has too many tokens");
    sum += used[t];
  }
  VX_TRY(vx_integers(task, side, (uint64_t)sum, NULL, 0, &differences));
  VX_NEW(task, made->table, count);
  for (unsigned t = 0; t < count; t++) made->table[t].shift = shifts[t];
  return fill_tables(task, count, used, differences, made);
}

void vx_start_residuals(vx_residuals *from, const uint8_t *words, size_t words_length, const uint8_t *raw, size_t raw_length) {
  from->state = (uint64_t)vx_load16(words) << 16 | vx_load16(words + 2);
  from->other = (uint64_t)vx_load16(words + 4) << 16 | vx_load16(words + 6);
  from->word = words + VX_FEWEST_WORDS;
  from->words_end = words + words_length;
  from->raw = raw;
  from->raw_bits = 8 * (uint64_t)raw_length;
  from->at = 0;
  from->overrun = 0;
}

int vx_residuals_end(const vx_residuals *from) {
  const int used = from->word == from->words_end && from->raw_bits - from->at < 8;
  return !from->overrun && used && from->state == VX_LOWEST_STATE && from->other == VX_LOWEST_STATE;
}

voxz_status vx_sequence(vx_task *task, vx_bytes payload, const uint16_t *grades, size_t count, int64_t *values) {
  const size_t used = task->used;
  vx_tables *tables;
  vx_residuals from;
  memset(values, 0, count * sizeof *values);
  if (payload.at == payload.end) return VOXZ_OK;
  VX_CHECK(task, count > 0, "bytes are left over after a sequence of no integers");
  VX_NEW(task, tables, 1);
  const uint32_t side_length = vx_u32(&payload), words_length = vx_u32(&payload);
  const uint8_t *side_bytes = vx_bytes_take(&payload, side_length), *words = vx_bytes_take(&payload, words_length);
  VX_CHECK(task, !payload.overrun && words_length >= VX_FEWEST_WORDS && words_length % 2 == 0, "the parts of a sequence do not fit its bytes");
  vx_side side = {vx_bytes_of(side_bytes, side_length)};
  VX_TRY(vx_read_tables(task, &side, tables));
  VX_TRY(vx_side_end(task, &side));
  vx_start_residuals(&from, words, words_length, payload.at, vx_bytes_left(&payload));
  for (size_t i = 0; i < count && !from.overrun; i++) values[i] = vx_next_residual(&from, &tables->table[tables->first[grades ? grades[i] : 0]]);
  VX_CHECK(task, vx_residuals_end(&from), "a sequence of integers is damaged");
  task->used = used;
  return VOXZ_OK;
}
