#include "lzma.h"

enum { CHANCE_BITS = 11, MOVE = 5, STATES = 12, POSITIONS = 4, LITERAL_STATES = 8, SLOTS = 64, ALIGN_BITS = 4 };
enum { NEAR_DISTANCES = 128 - 14 + 1, SHORTEST = 2, SMALLEST_WINDOW = 4096, LARGEST_WINDOW = 1 << 23 };

typedef uint16_t chance;

typedef struct lengths {
  chance beyond_low, beyond_middle;
  chance low[POSITIONS][8], middle[POSITIONS][8], high[256];
} lengths;

/* What is learnt of a stream: every chance that a bit is 0, in 1/2048. */
typedef struct model {
  chance literal[LITERAL_STATES][0x300];
  chance is_match[STATES][POSITIONS], is_repeat[STATES], is_repeat_0[STATES], is_repeat_1[STATES], is_repeat_2[STATES];
  chance is_longer_0[STATES][POSITIONS];
  lengths match, repeat;
  chance slot[4][SLOTS], near_bits[NEAR_DISTANCES], align[1 << ALIGN_BITS];
} model;

typedef struct range {
  const uint8_t *at, *end;
  uint32_t range, code;
  int overrun;
} range;

static void refill(range *in) {
  if (in->range >= (uint32_t)1 << 24) return;
  in->range <<= 8;
  in->code <<= 8;
  if (in->at < in->end)
    in->code |= *in->at++;
  else
    in->overrun = 1;
}

static unsigned bit(range *in, chance *zero) {
  const uint32_t bound = (in->range >> CHANCE_BITS) * *zero;
  unsigned value;
  if (in->code < bound) {
    *zero = (chance)(*zero + (((1u << CHANCE_BITS) - *zero) >> MOVE));
    in->range = bound;
    value = 0;
  } else {
    *zero = (chance)(*zero - (*zero >> MOVE));
    in->range -= bound;
    in->code -= bound;
    value = 1;
  }
  refill(in);
  return value;
}

static uint32_t direct(range *in, unsigned count) {
  uint32_t value = 0;
  while (count--) {
    in->range >>= 1;
    const uint32_t one = in->code >= in->range;
    in->code -= one ? in->range : 0;
    value = value << 1 | one;
    refill(in);
  }
  return value;
}

/* Bits by a tree of chances, the highest first. */
static uint32_t tree(range *in, chance *nodes, unsigned bits) {
  uint32_t node = 1;
  for (unsigned i = 0; i < bits; i++) node = node << 1 | bit(in, nodes + node);
  return node - (1u << bits);
}

/* The same, the lowest first. */
static uint32_t reversed_tree(range *in, chance *nodes, unsigned bits) {
  uint32_t node = 1, value = 0;
  for (unsigned i = 0; i < bits; i++) {
    const unsigned one = bit(in, nodes + node);
    node = node << 1 | one;
    value |= (uint32_t)one << i;
  }
  return value;
}

static uint32_t length_of(range *in, lengths *from, unsigned position) {
  if (!bit(in, &from->beyond_low)) return SHORTEST + tree(in, from->low[position], 3);
  if (!bit(in, &from->beyond_middle)) return SHORTEST + 8 + tree(in, from->middle[position], 3);
  return SHORTEST + 16 + tree(in, from->high, 8);
}

static uint32_t distance_of(range *in, model *learnt, uint32_t length) {
  const uint32_t set = length - SHORTEST < 3 ? length - SHORTEST : 3;
  const uint32_t slot = tree(in, learnt->slot[set], 6);
  if (slot < 4) return slot;
  const unsigned more = (slot >> 1) - 1;
  const uint32_t base = (2 | (slot & 1)) << more;
  if (slot < 14) return base + reversed_tree(in, learnt->near_bits + base - slot, more);
  return base + (direct(in, more - ALIGN_BITS) << ALIGN_BITS) + reversed_tree(in, learnt->align, ALIGN_BITS);
}

/* A literal; after a match, the byte that the match would have had says which chances its bits have, as long as they agree. */
static uint8_t literal_of(range *in, chance *nodes, int after_match, unsigned expected) {
  unsigned node = 1;
  if (after_match)
    while (node < 0x100) {
      const unsigned there = expected >> 7 & 1;
      expected <<= 1;
      const unsigned here = bit(in, nodes + ((1 + there) << 8) + node);
      node = node << 1 | here;
      if (here != there) break;
    }
  while (node < 0x100) node = node << 1 | bit(in, nodes + node);
  return (uint8_t)node;
}

static unsigned after_literal(unsigned state) { return state < 4 ? 0 : state < 10 ? state - 3 : state - 6; }

/* One of the last four distances moves to the front. Returns whether only one byte is copied. */
static int repeat_of(range *in, model *learnt, unsigned state, unsigned position, uint32_t last[4]) {
  if (!bit(in, &learnt->is_repeat_0[state])) return !bit(in, &learnt->is_longer_0[state][position]);
  unsigned which = 1;
  if (bit(in, &learnt->is_repeat_1[state])) which = 2 + bit(in, &learnt->is_repeat_2[state]);
  const uint32_t distance = last[which];
  for (; which > 0; which--) last[which] = last[which - 1];
  last[0] = distance;
  return 0;
}

static size_t window_of(size_t length) {
  size_t window = SMALLEST_WINDOW;
  while (window < length && window < LARGEST_WINDOW) window *= 2;
  return window;
}

/* Unpack everything; whether the stream was sound and ended with its marker. */
static int unpack(range *in, model *learnt, uint8_t *out, size_t length) {
  uint32_t last[4] = {0, 0, 0, 0};
  const size_t window = window_of(length);
  unsigned state = 0;
  for (size_t at = 0;;) {
    const unsigned position = (unsigned)(at % POSITIONS);
    if (in->overrun) return 0;
    if (!bit(in, &learnt->is_match[state][position])) {
      if (at == length || (state >= 7 && last[0] >= at)) return 0;
      const unsigned before = at ? out[at - 1] : 0;
      out[at] = literal_of(in, learnt->literal[before >> 5], state >= 7, state >= 7 ? out[at - last[0] - 1] : 0);
      at++;
      state = after_literal(state);
      continue;
    }
    uint32_t copied;
    if (bit(in, &learnt->is_repeat[state])) {
      const int single = repeat_of(in, learnt, state, position, last);
      copied = single ? 1 : length_of(in, &learnt->repeat, position);
      state = single ? (state < 7 ? 9 : 11) : (state < 7 ? 8 : 11);
    } else {
      memmove(last + 1, last, 3 * sizeof *last);
      copied = length_of(in, &learnt->match, position);
      last[0] = distance_of(in, learnt, copied);
      state = state < 7 ? 7 : 10;
      if (last[0] == 0xFFFFFFFF) return at == length && in->code == 0 && in->at == in->end && !in->overrun;
    }
    if (last[0] >= at || last[0] >= window || copied > length - at) return 0;
    for (; copied > 0; copied--, at++) out[at] = out[at - last[0] - 1];
  }
}

voxz_status vx_unlzma(vx_task *task, const uint8_t *data, size_t size, uint8_t *out, size_t length) {
  const size_t used = task->used;
  chance *chances;
  VX_NEW(task, chances, sizeof(model) / sizeof(chance));
  for (size_t i = 0; i < sizeof(model) / sizeof(chance); i++) chances[i] = 1u << (CHANCE_BITS - 1);
  VX_CHECK(task, size >= 5 && data[0] == 0, "stored bytes are no LZMA stream");
  range in = {data + 5, data + size, 0xFFFFFFFF, 0, 0};
  for (unsigned i = 1; i < 5; i++) in.code = in.code << 8 | data[i];
  VX_CHECK(task, unpack(&in, (model *)(void *)chances, out, length), "stored bytes do not unpack to as many as were expected");
  task->used = used;
  return VOXZ_OK;
}
