#include "label_counters.h"

enum { LEAST = 16, MOST = 65536 - LEAST, LIMIT = 40, RATE = 28, RATE_SHIFT = 20, HEAVIEST = 1 << 22 };

/* Powers of e in steps of 1/256 by one product each: exact enough for what is rounded down to 16 bits, which a test compares with
   whole-number arithmetic of any length. */
static void fill_squash(int32_t *whole) {
  const double step = 1.0039138893383476;
  double power = 1.0;
  for (int t = 0; t <= VX_LABEL_REACH; t++, power *= step) {
    const int32_t upper = (int32_t)(65536.0 * power / (1.0 + power));
    whole[VX_LABEL_REACH + t] = upper;
    whole[VX_LABEL_REACH - t] = 65536 - upper;
  }
}

voxz_status vx_new_label_coder(vx_task *task, const uint8_t *data, size_t size, vx_label_coder *coder) {
  vx_label_tables *made;
  int32_t t = 0;
  VX_NEW(task, made, 1);
  fill_squash(made->squash);
  for (int32_t i = 0; i < 4096; i++) {
    while (t + 1 <= 2 * VX_LABEL_REACH && made->squash[t + 1] <= 16 * i + 8) t++;
    made->stretch[i] = t - VX_LABEL_REACH;
  }
  for (int32_t i = 0; i <= 2 * VX_LABEL_REACH; i++) made->squash[i] = (int32_t)vx_clamp(made->squash[i], LEAST, MOST);
  coder->tables = made;
  coder->bits = vx_coder_of(data, size);
  return VOXZ_OK;
}

void vx_counter_learn(vx_counter *counter, unsigned bit, uint32_t limit) {
  const int64_t chance = counter->chance, aim = (int64_t)bit << VX_LABEL_CHANCE_BITS;
  counter->chance = (uint32_t)(chance + vx_right((aim - chance) * (131072 / (2 * (int64_t)counter->count + 3)), 16));
  counter->count = counter->count < limit ? counter->count + 1 : limit;
}

unsigned vx_counted_bit(vx_label_coder *coder, vx_counter *counter, uint32_t limit) {
  const uint32_t p = (uint32_t)vx_clamp(counter->chance >> (VX_LABEL_CHANCE_BITS - 16), LEAST, MOST);
  const unsigned bit = vx_bit(&coder->bits, p);
  vx_counter_learn(counter, bit, limit);
  return bit;
}

static void move(int32_t *weight, int64_t by) { *weight = (int32_t)vx_clamp(*weight + by, -HEAVIEST, HEAVIEST); }

unsigned vx_mixed_bit(vx_label_coder *coder, vx_counter *const counters[VX_LABEL_INPUTS], int32_t *first, int32_t *second) {
  int64_t said[VX_LABEL_INPUTS], total = 0;
  for (unsigned k = 0; k < VX_LABEL_INPUTS; k++) {
    said[k] = coder->tables->stretch[counters[k]->chance >> (VX_LABEL_CHANCE_BITS - 12)];
    total += said[k] * ((int64_t)first[k] + second[k]);
  }
  const int64_t mixed = vx_clamp(vx_right(total, 16), -VX_LABEL_REACH, VX_LABEL_REACH);
  const int64_t p = coder->tables->squash[VX_LABEL_REACH + mixed];
  const unsigned bit = vx_bit(&coder->bits, (uint32_t)p);
  const int64_t error = ((int64_t)bit * 65536 - p) * RATE;
  for (unsigned k = 0; k < VX_LABEL_INPUTS; k++) {
    const int64_t by = vx_right(said[k] * error + (1 << (RATE_SHIFT - 1)), RATE_SHIFT);
    move(&first[k], by);
    move(&second[k], by);
    vx_counter_learn(counters[k], bit, LIMIT);
  }
  return bit;
}
