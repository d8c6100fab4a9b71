#include "lzma.h"

#include "bytes.h"

enum { CHANCE_BITS = 11, MOVE = 5, STATES = 12, POSITIONS = 16, LITERAL_STATES = 16, SLOTS = 64, ALIGN_BITS = 4 };
enum { NEAR_DISTANCES = 128 - 14 + 1, SHORTEST = 2, SMALLEST_WINDOW = 4096, LARGEST_WINDOW = 1 << 23 };

typedef uint16_t chance;

typedef struct lengths {
  chance beyond_low, beyond_middle;
  chance low[POSITIONS][8], middle[POSITIONS][8], high[256];
} lengths;

/* What is learnt: every chance that a bit is 0, in 1/2048. */
typedef struct model {
  chance literal[LITERAL_STATES][0x300];
  chance is_match[STATES][POSITIONS], is_repeat[STATES], is_repeat_0[STATES], is_repeat_1[STATES], is_repeat_2[STATES];
  chance is_longer_0[STATES][POSITIONS];
  lengths match, repeat;
  chance slot[4][SLOTS], near_bits[NEAR_DISTANCES], align[1 << ALIGN_BITS];
} model;

/* Where unpacking is, and what goes on from chunk to chunk: bits of the byte before and of the place that literals look at, those
   of the place that all else looks at, the kind of the last steps, the last four distances. */
typedef struct stream {
  model *learnt;
  uint8_t *out;
  size_t at, length, window;
  unsigned before_bits, literal_bits, place_bits, state;
  uint32_t last[4];
} stream;

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

static void forget(stream *to) {
  chance *chances = (chance *)(void *)to->learnt;
  for (size_t i = 0; i < sizeof(model) / sizeof(chance); i++) chances[i] = 1u << (CHANCE_BITS - 1);
  memset(to->last, 0, sizeof to->last);
  to->state = 0;
}

static uint8_t next_literal(range *in, const stream *to) {
  const unsigned before = to->at ? to->out[to->at - 1] : 0, place = (unsigned)to->at & ((1u << to->literal_bits) - 1);
  const int after_match = to->state >= 7;
  chance *nodes = to->learnt->literal[place << to->before_bits | before >> (8 - to->before_bits)];
  return literal_of(in, nodes, after_match, after_match ? to->out[to->at - to->last[0] - 1] : 0);
}

/* How many bytes are copied, from `last[0]` before. */
static uint32_t next_copy(range *in, stream *to, unsigned position) {
  model *learnt = to->learnt;
  uint32_t copied;
  if (bit(in, &learnt->is_repeat[to->state])) {
    const int single = repeat_of(in, learnt, to->state, position, to->last);
    copied = single ? 1 : length_of(in, &learnt->repeat, position);
    to->state = single ? (to->state < 7 ? 9 : 11) : (to->state < 7 ? 8 : 11);
    return copied;
  }
  memmove(to->last + 1, to->last, 3 * sizeof *to->last);
  copied = length_of(in, &learnt->match, position);
  to->last[0] = distance_of(in, learnt, copied);
  to->state = to->state < 7 ? 7 : 10;
  return copied;
}

/* Unpack a chunk up to byte `end`; whether it was sound. */
static int unpack(range *in, stream *to, size_t end) {
  while (to->at < end) {
    const unsigned position = (unsigned)to->at & ((1u << to->place_bits) - 1);
    if (in->overrun) return 0;
    if (!bit(in, &to->learnt->is_match[to->state][position])) {
      if (to->state >= 7 && to->last[0] >= to->at) return 0;
      const uint8_t literal = next_literal(in, to);
      to->out[to->at++] = literal;
      to->state = after_literal(to->state);
      continue;
    }
    uint32_t copied = next_copy(in, to, position);
    if (to->last[0] >= to->at || to->last[0] >= to->window || copied > end - to->at) return 0;
    for (; copied > 0; copied--, to->at++) to->out[to->at] = to->out[to->at - to->last[0] - 1];
  }
  return in->code == 0 && in->at == in->end && !in->overrun;
}

/* The byte that says which bits contexts look at. */
static int set_bits(stream *to, unsigned said) {
  to->before_bits = said % 9;
  to->literal_bits = said / 9 % 5;
  to->place_bits = said / 45;
  return to->place_bits <= 4 && to->before_bits + to->literal_bits <= 4;
}

/* A chunk of packed bytes, whose first byte is `control`. */
static int packed_chunk(vx_bytes *from, stream *to, unsigned control) {
  size_t raw = (size_t)(control & 0x1F) << 16, size;
  raw |= (size_t)vx_u8(from) << 8;
  raw = (raw | vx_u8(from)) + 1;
  size = (size_t)vx_u8(from) << 8;
  size = (size | vx_u8(from)) + 1;
  if (control >= 0xC0 && !set_bits(to, vx_u8(from))) return 0;
  if (control >= 0xA0) forget(to);
  const uint8_t *data = vx_bytes_take(from, size);
  if (!data || size < 5 || data[0] != 0 || raw > to->length - to->at) return 0;
  range in = {data + 5, data + size, 0xFFFFFFFF, 0, 0};
  for (unsigned i = 1; i < 5; i++) in.code = in.code << 8 | data[i];
  return unpack(&in, to, to->at + raw);
}

/* A chunk of bytes as they are. */
static int plain_chunk(vx_bytes *from, stream *to) {
  size_t raw = (size_t)vx_u8(from) << 8;
  raw = (raw | vx_u8(from)) + 1;
  const uint8_t *data = vx_bytes_take(from, raw);
  if (!data || raw > to->length - to->at) return 0;
  memcpy(to->out + to->at, data, raw);
  to->at += raw;
  return 1;
}

/* All chunks, up to the byte 0 that ends them. A reset of the window is how the first begins, and no other; what a packed chunk
   needs must have been said before it. */
static int unpack_chunks(vx_bytes *from, stream *to) {
  enum { NOTHING, BYTES, ALL } known = NOTHING;
  for (;;) {
    const unsigned control = vx_u8(from);
    if (from->overrun) return 0;
    if (control == 0) return to->at == to->length && from->at == from->end;
    const int first = control == 1 || control >= 0xE0;
    if (first != (known == NOTHING) || (control < 0x80 && control > 2)) return 0;
    if (control >= 0x80 && control < 0xC0 && known != ALL) return 0;
    known = control >= 0xC0 || known == ALL ? ALL : BYTES;
    if (!(control < 0x80 ? plain_chunk(from, to) : packed_chunk(from, to, control))) return 0;
  }
}

voxz_status vx_unlzma(vx_task *task, const uint8_t *data, size_t size, uint8_t *out, size_t length) {
  const size_t used = task->used;
  stream to = {.out = out, .length = length, .window = window_of(length)};
  vx_bytes from = vx_bytes_of(data, size);
  VX_NEW(task, to.learnt, 1);
  VX_CHECK(task, unpack_chunks(&from, &to), "stored bytes do not unpack to as many as were expected");
  task->used = used;
  return VOXZ_OK;
}
