/* The counters of the labels codec, and decisions that six of them speak about, mixed in the logistic domain. */

#ifndef VOXZ_LABEL_COUNTERS_H
#define VOXZ_LABEL_COUNTERS_H

#include "coder.h"

enum { VX_LABEL_INPUTS = 6, VX_LABEL_REACH = 3071, VX_LABEL_CHANCE_BITS = 22 };

/* A chance that a bit is 1, in 2^-22, and how many bits it has seen. */
typedef struct vx_counter {
  uint32_t chance;
  uint32_t count;
} vx_counter;

typedef struct vx_label_tables {
  int32_t squash[2 * VX_LABEL_REACH + 1]; /* 65536 / (1 + exp(-t / 256)) of t - REACH */
  int32_t stretch[4096];                  /* its inverse */
} vx_label_tables;

typedef struct vx_label_coder {
  vx_coder bits;
  const vx_label_tables *tables;
} vx_label_coder;

voxz_status vx_new_label_coder(vx_task *task, const uint8_t *data, size_t size, vx_label_coder *coder);

static const vx_counter VX_FRESH_COUNTER = {(uint32_t)1 << (VX_LABEL_CHANCE_BITS - 1), 0};

/* Let a counter see a bit, of which it remembers so many at most. */
void vx_counter_learn(vx_counter *counter, unsigned bit, uint32_t limit);

/* The next bit, by one counter. */
unsigned vx_counted_bit(vx_label_coder *coder, vx_counter *counter, uint32_t limit);

/* The next bit, by six counters and two sets of weights. */
unsigned vx_mixed_bit(vx_label_coder *coder, vx_counter *const counters[VX_LABEL_INPUTS], int32_t *first, int32_t *second);

#endif
