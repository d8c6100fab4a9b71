/* Weights of networks in files: float32, or multiples of a step for each tensor in an adaptive binary code. */

#include "coder.h"
#include "numbers.h"
#include "odds.h"
#include "perceptron.h"

enum { MOST_BITS = 24, KINDS = 2 * MOST_BITS + 2, LEAST_PER_BIT = 64, LEAST_CHANCE = 64, MOST_TENSORS = 2 * VX_MOST_LAYERS };

/* What is needed to read multiples. */
typedef struct reading {
  vx_coder coder;
  const vx_odds *odds;
  uint32_t counters[MOST_TENSORS][KINDS];
  size_t sizes[MOST_TENSORS];
  double steps[MOST_TENSORS];
  unsigned tensors;
} reading;

voxz_status vx_read_float_weights(vx_task *task, vx_bytes part, uint32_t count, vx_perceptron *network) {
  const uint64_t numbers = (uint64_t)count * network->weights;
  double *flat;
  VX_CHECK(task, vx_bytes_left(&part) == 4 * numbers, "the weights of the networks do not fit their bytes");
  VX_NEW(task, flat, numbers);
  for (uint64_t i = 0; i < numbers; i++) {
    flat[i] = (double)vx_f32(&part);
    VX_CHECK(task, vx_is_finite(flat[i]), "numbers of a network are not finite");
  }
  network->flat = flat;
  return VOXZ_OK;
}

static unsigned decide(reading *it, uint32_t *counter) {
  const unsigned bit = vx_bit(&it->coder, (uint32_t)vx_clamp(*counter >> 8, LEAST_CHANCE, 65536 - LEAST_CHANCE));
  *counter = vx_learnt(it->odds, *counter, bit);
  return bit;
}

/* A multiple: its length, the bit behind the leading one, the others, the sign. MOST_BITS in `length` is damage. */
static int64_t read_multiple(reading *it, uint32_t *counters, unsigned *length) {
  int64_t found = 1;
  *length = 0;
  while (*length < MOST_BITS && decide(it, &counters[*length])) ++*length;
  if (*length == 0 || *length == MOST_BITS) return 0;
  if (*length > 1) {
    found = found << 1 | decide(it, &counters[MOST_BITS + *length]);
    const unsigned rest = *length - 2;
    found = found << rest | (int64_t)vx_plain_bits(&it->coder, rest);
  }
  return vx_plain_bits(&it->coder, 1) ? -found : found;
}

static voxz_status read_network(vx_task *task, reading *it, int64_t *values, const int64_t *before) {
  const int64_t related = (int64_t)vx_plain_bits(&it->coder, 1);
  for (unsigned t = 0; t < it->tensors; t++)
    for (size_t i = 0; i < it->sizes[t]; i++) {
      unsigned length;
      VX_CHECK(task, it->coder.position <= it->coder.size + 8, "the weights of a network end early");
      *values = read_multiple(it, it->counters[t], &length);
      VX_CHECK(task, length < MOST_BITS, "the weights of a network are damaged");
      *values++ += before ? related * *before++ : 0;
    }
  return VOXZ_OK;
}

static voxz_status start(vx_task *task, vx_bytes *part, const vx_perceptron *network, reading *it) {
  vx_odds *odds;
  VX_TRY(vx_new_odds(task, &odds));
  it->odds = odds;
  it->tensors = 2 * network->layers;
  for (unsigned t = 0; t < it->tensors; t++) {
    const uint32_t outputs = network->sizes[t / 2 + 1];
    it->sizes[t] = t & 1 ? outputs : (size_t)network->sizes[t / 2] * outputs;
    it->steps[t] = (double)vx_f32(part);
    VX_CHECK(task, !part->overrun && vx_is_finite(it->steps[t]), "the steps of the weights of a network are not finite");
    for (unsigned k = 0; k < KINDS; k++) it->counters[t][k] = 1u << 23;
  }
  it->coder = vx_coder_of(part->at, vx_bytes_left(part));
  return VOXZ_OK;
}

voxz_status vx_read_weights(vx_task *task, vx_bytes part, uint32_t count, vx_perceptron *network) {
  const uint64_t numbers = (uint64_t)count * network->weights;
  double *flat;
  VX_CHECK(task, numbers <= 8 * LEAST_PER_BIT * (uint64_t)vx_bytes_left(&part), "there are fewer weights than the networks have");
  VX_NEW(task, flat, numbers);
  const size_t used = task->used;
  int64_t *values;
  reading *it;
  VX_NEW(task, values, numbers);
  VX_NEW(task, it, 1);
  VX_TRY(start(task, &part, network, it));
  for (uint32_t n = 0; n < count; n++) {
    int64_t *own = values + n * network->weights;
    VX_TRY(read_network(task, it, own, n ? own - network->weights : NULL));
  }
  VX_CHECK(task, it->coder.position == it->coder.size, "the weights of a network do not end where their stream does");
  for (uint64_t i = 0, left = 0, t = it->tensors; i < numbers; i++, left--) {
    while (left == 0) {
      t = t + 1 < it->tensors ? t + 1 : 0;
      left = it->sizes[t];
    }
    flat[i] = (double)values[i] * it->steps[t];
  }
  task->used = used;
  network->flat = flat;
  return VOXZ_OK;
}
