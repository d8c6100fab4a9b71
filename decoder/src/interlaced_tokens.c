#include "interlaced_tokens.h"

#include "frequencies.h"

enum { DIRECT = 110, LARGEST_LENGTH = 16, TOKENS = 2 * DIRECT + 1 + 2 * (LARGEST_LENGTH + 1), LARGEST_SHIFT = 16, SLOT_BITS = 11 };
enum { PERIOD = 2 * VX_STATES, LARGEST_RESIDUAL = (1 << 16) - 1 };

#define LOWEST_STATE ((uint64_t)1 << 31)

static voxz_status read_contexts(vx_task *task, vx_side *side, int64_t number, vx_token_tables *made) {
  int64_t *firsts, *shifts, first = 0, shift = 0;
  VX_TRY(vx_integers(task, side, (uint64_t)number - 1, NULL, 0, &firsts));
  VX_TRY(vx_integers(task, side, (uint64_t)number, NULL, 0, &shifts));
  for (int64_t i = 0; i < number; i++) {
    VX_CHECK(task, i == 0 || (firsts[i - 1] > 0 && firsts[i - 1] < VX_CONTEXTS - first), "the ranges of the entropy tables are out of order");
    VX_CHECK(task, shifts[i] >= 0 && shifts[i] <= LARGEST_SHIFT - shift, "the ranges of the entropy tables are out of order");
    first += i ? firsts[i - 1] : 0;
    shift += shifts[i];
    made->shift[i] = (uint8_t)shift;
    made->shifted |= shift > 0;
    memset(made->table + first, (int)i, (size_t)(VX_CONTEXTS - first));
  }
  return VOXZ_OK;
}

voxz_status vx_fill_slots(vx_task *task, int64_t *steps, unsigned count, vx_slot *slots) {
  VX_CHECK(task, vx_frequencies(steps, count, VX_SLOTS), "a frequency of an entropy table is out of bounds");
  for (unsigned token = 0; token < count; token++)
    for (int64_t place = 0; place < steps[token]; place++) *slots++ = (vx_slot){(uint16_t)steps[token], (uint16_t)place, (uint8_t)token};
  return VOXZ_OK;
}

voxz_status vx_read_token_tables(vx_task *task, vx_side *side, vx_token_tables *made) {
  int64_t number, *empty, *used, *differences, sum = 0;
  VX_TRY(vx_few_integers(task, side, 1, &number));
  VX_CHECK(task, number >= 1 && number <= VX_MOST_TABLES, "a brick has an impossible number of entropy tables");
  VX_TRY(read_contexts(task, side, number, made));
  VX_TRY(vx_integers(task, side, (uint64_t)number, NULL, 0, &empty));
  VX_TRY(vx_integers(task, side, (uint64_t)number, NULL, 0, &used));
  for (int64_t i = 0; i < number; i++) {
    VX_CHECK(task, empty[i] >= 0 && empty[i] <= used[i] && used[i] <= TOKENS, "an entropy table is out of bounds");
    sum += used[i] - empty[i];
  }
  VX_TRY(vx_integers(task, side, (uint64_t)sum, NULL, 0, &differences));
  VX_NEW(task, made->slots, number);
  for (int64_t i = 0; i < number; i++) {
    int64_t steps[TOKENS] = {0}, step = 0;
    for (int64_t token = empty[i]; token < used[i]; token++) {
      step += *differences++;
      steps[token] = step;
    }
    VX_TRY(vx_fill_slots(task, steps, TOKENS, made->slots[i]));
  }
  return VOXZ_OK;
}

void vx_start_tokens(vx_token_source *from, const uint8_t *words, size_t length, vx_bytes raw) {
  for (unsigned k = 0; k < VX_STATES; k++) from->state[k] = (uint64_t)vx_load32(words + 8 * k) << 32 | vx_load32(words + 8 * k + 4);
  from->word = words + 8 * VX_STATES;
  from->words_end = words + length;
  from->raw = raw.at;
  from->raw_bits = 8 * (uint64_t)vx_bytes_left(&raw);
  from->at = 0;
  from->overrun = 0;
}

/* States that are low take a word each, in order. */
static void fill_up(vx_token_source *from) {
  for (unsigned k = 0; k < VX_STATES; k++) {
    if (from->state[k] >= LOWEST_STATE) continue;
    if (from->word == from->words_end) {
      from->overrun = 1;
      return;
    }
    from->state[k] = from->state[k] << 32 | vx_load32(from->word);
    from->word += 4;
  }
}

VX_INLINED void take_token(uint64_t *state, const vx_token_tables *tables, uint16_t context, uint8_t *token) {
  const vx_slot *slot = &tables->slots[tables->table[context]][*state % VX_SLOTS];
  *token = slot->token;
  *state = slot->frequency * (*state >> SLOT_BITS) + slot->place;
}

/* Whole periods, as long as there are words for all states: without a branch that could go either way. Returns how many tokens. */
static int64_t take_periods(vx_token_source *from, const vx_token_tables *tables, const uint16_t *contexts, int64_t count, uint8_t *tokens) {
  const uint8_t *word = from->word;
  uint64_t state[VX_STATES];
  int64_t x = 0;
  memcpy(state, from->state, sizeof state);
  for (; x + PERIOD <= count && from->words_end - word >= 4 * VX_STATES; x += PERIOD) {
    for (unsigned k = 0; k < VX_STATES; k++) take_token(&state[k], tables, contexts[x + k], &tokens[x + k]);
    for (unsigned k = 0; k < VX_STATES; k++) take_token(&state[k], tables, contexts[x + VX_STATES + k], &tokens[x + VX_STATES + k]);
    for (unsigned k = 0; k < VX_STATES; k++) {
      const unsigned low = state[k] < LOWEST_STATE;
      const uint64_t filled = state[k] << 32 | vx_load32(word);
      state[k] = low ? filled : state[k];
      word += 4 * low;
    }
  }
  memcpy(from->state, state, sizeof state);
  from->word = word;
  return x;
}

void vx_read_tokens(vx_token_source *from, const vx_token_tables *tables, const uint16_t *contexts, int64_t count, uint8_t *tokens) {
  for (int64_t x = take_periods(from, tables, contexts, count, tokens); x < count && !from->overrun; x += PERIOD) {
    const int64_t end = vx_min(count, x + PERIOD);
    for (int64_t i = x; i < end; i++) take_token(&from->state[i % VX_STATES], tables, contexts[i], &tokens[i]);
    fill_up(from);
  }
}

int64_t vx_raw_bits(vx_token_source *from, unsigned count) {
  uint64_t value = 0;
  if (count > from->raw_bits - from->at) {
    from->overrun = 1;
    return 0;
  }
  for (unsigned i = 0; i < count; i++, from->at++) value |= (uint64_t)(from->raw[from->at / 8] >> from->at % 8 & 1) << i;
  return (int64_t)value;
}

/* A residual that has raw bits: those of its length, then the low ones. */
static int32_t unusual(vx_token_source *from, unsigned token, unsigned shift) {
  int64_t value = (int64_t)token - DIRECT;
  if (token > 2 * DIRECT) {
    const unsigned beyond = token - 2 * DIRECT - 1, length = beyond >> 1;
    value = DIRECT + ((int64_t)1 << length) + vx_raw_bits(from, length);
    if (beyond & 1) value = -value;
  }
  value = vx_left(value, shift) + vx_raw_bits(from, shift);
  return (int32_t)vx_clamp(value, -LARGEST_RESIDUAL, LARGEST_RESIDUAL);
}

void vx_phase_residuals(vx_token_source *from, const vx_token_tables *tables, const uint16_t *contexts, int64_t count, uint8_t *tokens,
                        int32_t *residuals) {
  vx_read_tokens(from, tables, contexts, count, tokens);
  uint8_t largest = 0;
  for (int64_t x = 0; x < count; x++) {
    residuals[x] = tokens[x] - DIRECT;
    largest = tokens[x] > largest ? tokens[x] : largest;
  }
  if (largest <= 2 * DIRECT && !tables->shifted) return;
  for (int64_t x = 0; x < count; x++) {
    const unsigned shift = tables->shift[tables->table[contexts[x]]];
    if (tokens[x] > 2 * DIRECT || shift) residuals[x] = unusual(from, tokens[x], shift);
  }
}

int vx_tokens_end(const vx_token_source *from) {
  int ended = !from->overrun && from->word == from->words_end && from->raw_bits - from->at < 8;
  for (unsigned k = 0; k < VX_STATES; k++) ended = ended && from->state[k] == LOWEST_STATE;
  return ended;
}
