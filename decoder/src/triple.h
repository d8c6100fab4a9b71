/* One binary decision from three adaptive counters, mixed in the logistic domain. */

#ifndef VOXZ_TRIPLE_H
#define VOXZ_TRIPLE_H

#include "coder.h"
#include "odds.h"

enum { VX_UNDECIDED = 1 << 23 }; /* a counter that has seen nothing */

/* Weight of each counter before anything was coded, and how fast weights learn. */
static const double VX_TRIPLE_START = 0.4, VX_TRIPLE_RATE = 0.004;

/* The next bit; the counters and their weights learn. */
VX_INLINED unsigned vx_triple_bit(vx_coder *coder, const vx_odds *odds, uint32_t *a, uint32_t *b, uint32_t *c, double weights[3]) {
  const double odds_a = odds->log_odds[*a >> 12], odds_b = odds->log_odds[*b >> 12], odds_c = odds->log_odds[*c >> 12];
  const double total = weights[0] * odds_a + weights[1] * odds_b + weights[2] * odds_c;
  const double mixed = odds->logistic[(uint32_t)(vx_logistic_place(total) + 0.5)];
  const uint32_t chance = (uint32_t)(mixed * 65536.0);
  const unsigned bit = vx_bit(coder, chance < 1 ? 1 : chance > 65535 ? 65535 : chance);
  const double change = VX_TRIPLE_RATE * ((double)bit - mixed);
  weights[0] += change * odds_a;
  weights[1] += change * odds_b;
  weights[2] += change * odds_c;
  *a = vx_learnt(odds, *a, bit);
  *b = vx_learnt(odds, *b, bit);
  *c = vx_learnt(odds, *c, bit);
  return bit;
}

#endif
