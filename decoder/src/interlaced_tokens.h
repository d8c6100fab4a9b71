/* Tokens of settings 10 and of the wavelet codec's fast profile: tables by context, eight rANS states, raw bits. */

#ifndef VOXZ_INTERLACED_TOKENS_H
#define VOXZ_INTERLACED_TOKENS_H

#include "integers.h"

enum { VX_CONTEXTS = 4096, VX_STATES = 8, VX_MOST_TABLES = 64, VX_SLOTS = 2048, VX_MOST_TOKENS = 256 };

typedef struct vx_slot {
  uint16_t frequency, place; /* of the token; of the slot in it */
  uint8_t token;
} vx_slot;

typedef struct vx_token_tables {
  uint8_t table[VX_CONTEXTS];
  uint8_t shift[VX_MOST_TABLES];
  int shifted; /* whether any of these is above 0 */
  vx_slot (*slots)[VX_SLOTS];
} vx_token_tables;

typedef struct vx_token_source {
  uint64_t state[VX_STATES];
  const uint8_t *word, *words_end, *raw;
  uint64_t raw_bits, at;
  int overrun;
} vx_token_source;

voxz_status vx_read_token_tables(vx_task *task, vx_side *side, vx_token_tables *tables);

/* Start with words (64 bytes or more, in fours) and raw bits. */
void vx_start_tokens(vx_token_source *from, const uint8_t *words, size_t length, vx_bytes raw);

/* The slots of a table of `count` tokens, from their frequency steps, which are changed. */
voxz_status vx_fill_slots(vx_task *task, int64_t *steps, unsigned count, vx_slot *slots);

/* A run of tokens, by their contexts. */
void vx_read_tokens(vx_token_source *from, const vx_token_tables *tables, const uint16_t *contexts, int64_t count, uint8_t *tokens);

/* So many raw bits, low first. */
int64_t vx_raw_bits(vx_token_source *from, unsigned count);

/* Residuals of a phase of a row, by the contexts of its voxels. */
void vx_phase_residuals(vx_token_source *from, const vx_token_tables *tables, const uint16_t *contexts, int64_t count, uint8_t *tokens,
                        int32_t *residuals);

int vx_tokens_end(const vx_token_source *from);

#endif
