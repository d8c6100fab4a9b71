/* The entropy code of residuals: tables by grade, two interleaved rANS states, raw bits. */

#ifndef VOXZ_RESIDUALS_H
#define VOXZ_RESIDUALS_H

#include "integers.h"

enum {
  VX_DIRECT = 30,
  VX_TOKENS = 2 * VX_DIRECT + 1 + 2 * 32,
  VX_SLOT_BITS = 12,
  VX_FINE_GRADES = 1024,
  VX_GRADES = 2048,
  VX_FEWEST_WORDS = 8
};

#define VX_LOWEST_STATE ((uint64_t)1 << 16)

typedef struct vx_table {
  unsigned shift;                      /* raw low bits of a residual */
  uint8_t token[1 << VX_SLOT_BITS];    /* of each slot */
  uint16_t start[VX_TOKENS], frequency[VX_TOKENS];
} vx_table;

typedef struct vx_tables {
  vx_table *table;
  uint16_t first[VX_GRADES]; /* table of each grade */
  uint8_t phased[VX_GRADES]; /* 3 where it is the first of four, one for each phase, else 0 */
} vx_tables;

/* Where residuals are read from. */
typedef struct vx_residuals {
  const uint8_t *word, *words_end;
  const uint8_t *raw;
  uint64_t raw_bits, at; /* bits, and the place of the next */
  uint64_t state, other;
  int overrun;
} vx_residuals;

voxz_status vx_read_tables(vx_task *task, vx_side *side, vx_tables *tables);

/* Start with `words` (8 bytes or more, an even number) and raw bits. */
void vx_start_residuals(vx_residuals *from, const uint8_t *words, size_t words_length, const uint8_t *raw, size_t raw_length);

VX_INLINED uint64_t vx_raw_bits(vx_residuals *from, unsigned count) {
  const uint64_t at = from->at;
  from->at += count;
  if (at + 64 <= from->raw_bits) return vx_load64(from->raw + at / 8) >> at % 8 & (((uint64_t)1 << count) - 1);
  if (at + count > from->raw_bits) {
    from->overrun = 1;
    return 0;
  }
  uint64_t value = 0;
  for (unsigned i = 0; i < count; i++) value |= (uint64_t)(from->raw[(at + i) / 8] >> (at + i) % 8 & 1) << i;
  return value;
}

/* The states take turns. */
VX_INLINED unsigned vx_next_token(vx_residuals *from, const vx_table *table) {
  const unsigned slot = from->state & ((1 << VX_SLOT_BITS) - 1), token = table->token[slot];
  uint64_t state = table->frequency[token] * (from->state >> VX_SLOT_BITS) + slot - table->start[token];
  if (state < VX_LOWEST_STATE) {
    if (from->word == from->words_end) {
      from->overrun = 1;
      return VX_DIRECT;
    }
    state = state << 16 | vx_load16(from->word);
    from->word += 2;
  }
  from->state = from->other;
  from->other = state;
  return token;
}

/* The next residual, by its table. */
VX_INLINED int64_t vx_next_residual(vx_residuals *from, const vx_table *table) {
  const unsigned token = vx_next_token(from, table);
  const int64_t low = table->shift ? (int64_t)vx_raw_bits(from, table->shift) : 0;
  if (token <= 2 * VX_DIRECT) return vx_left((int64_t)token - VX_DIRECT, table->shift) + low;
  const unsigned beyond = token - 2 * VX_DIRECT - 1, length = beyond >> 1;
  const int64_t magnitude = VX_DIRECT + ((int64_t)1 << length) + (int64_t)vx_raw_bits(from, length);
  return vx_left(beyond & 1 ? -magnitude : magnitude, table->shift) + low;
}

/* Whether everything was read and nothing was missing. */
int vx_residuals_end(const vx_residuals *from);

/* Grade of an expected error. */
static inline unsigned vx_grade_of(int64_t expected) {
  return (unsigned)(expected < VX_FINE_GRADES ? expected : VX_FINE_GRADES + vx_min(expected >> 6, VX_FINE_GRADES - 1));
}

/* A sequence of integers, each with a grade below 1024; `grades` NULL: all 0. */
voxz_status vx_sequence(vx_task *task, vx_bytes payload, const uint16_t *grades, size_t count, int64_t *values);

#endif
