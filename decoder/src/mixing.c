#include "mixing.h"

static const double LARGEST_ODDS = 8.0, RATE = 0.01, REFINING = 0.02, COUNTER_WEIGHT = 0.1;

enum { COUNT_BITS = 8, FIRST_CHANCE = 1 << 15 };

static void start_counters(uint32_t *counters, size_t count) {
  for (size_t i = 0; i < count; i++) counters[i] = (uint32_t)FIRST_CHANCE << COUNT_BITS;
}

/* Experts share a weight of 1; the last stage is the logistic function itself. */
static void start_weights(vx_mixture *made) {
  double *weight = &made->weights[0][0][0][0];
  const size_t inputs = VX_MOST_EXPERTS + VX_COUNTERS, rows = sizeof made->weights / sizeof *weight / inputs;
  for (size_t row = 0; row < rows; row++)
    for (size_t k = 0; k < inputs; k++) weight[row * inputs + k] = k < made->experts ? 1.0 / made->experts : COUNTER_WEIGHT;
  double *refined = &made->refiners[0][0][0];
  for (size_t i = 0; i < sizeof made->refiners / sizeof *refined; i++) {
    const double odds = (double)(i % VX_REFINED) * (2 * LARGEST_ODDS / (VX_REFINED - 1)) - LARGEST_ODDS;
    refined[i] = made->odds->logistic[(size_t)((odds + VX_REACH) * VX_STEPS)];
  }
}

voxz_status vx_new_mixture(vx_task *task, unsigned experts, const uint8_t *stream, size_t size, vx_mixture **mixture) {
  vx_mixture *made;
  vx_odds *odds;
  VX_TRY(vx_new_odds(task, &odds));
  VX_NEW(task, made, 1);
  made->odds = odds;
  made->experts = experts;
  made->coder = vx_coder_of(stream, size);
  start_weights(made);
  start_counters(&made->phased[0][0][0], sizeof made->phased / sizeof(uint32_t));
  start_counters(&made->crossed[0][0], sizeof made->crossed / sizeof(uint32_t));
  start_counters(&made->texture[0][0], sizeof made->texture / sizeof(uint32_t));
  *mixture = made;
  return VOXZ_OK;
}

static double limited(double value, double limit) {
  const double above = value > -limit ? value : -limit;
  return above < limit ? above : limit;
}

double vx_log_odds(const vx_odds *odds, double chance) {
  return odds->log_odds[vx_clamp((int64_t)(chance * VX_ODDS), 0, VX_ODDS - 1)];
}

/* The mixed probability, refined, codes the bit. Then weights, points and counters move towards it. */
static unsigned settle(vx_mixture *by, const double *inputs, double *first, double *second, double *refiner) {
  const unsigned size = by->experts + VX_COUNTERS;
  double sum_first = 0.0, sum_second = 0.0;
  for (unsigned k = 0; k < size; k++) {
    sum_first += first[k] * inputs[k];
    sum_second += second[k] * inputs[k];
  }
  const double total = 0.5 * (sum_first + sum_second), mixed = vx_logistic(by->odds, total);
  const double place = (limited(total, LARGEST_ODDS - 0.01) + LARGEST_ODDS) * ((VX_REFINED - 1) / (2 * LARGEST_ODDS));
  const unsigned index = (unsigned)place;
  const double part = place - index;
  const double refined = refiner[index] * (1.0 - part) + refiner[index + 1] * part;
  const unsigned bit = vx_bit(&by->coder, (uint32_t)vx_clamp((int64_t)((mixed + refined) * 32768.0), 1, 65535));
  const double change = RATE * (bit - mixed);
  for (unsigned k = 0; k < size; k++) {
    const double step = change * inputs[k];
    first[k] += step;
    second[k] += step;
  }
  refiner[index] += REFINING * (1.0 - part) * (bit - refiner[index]);
  refiner[index + 1] += REFINING * part * (bit - refiner[index + 1]);
  return bit;
}

unsigned vx_decide(vx_mixture *by, const double *odds, unsigned node, unsigned depth, unsigned phase, const vx_contexts *contexts) {
  uint32_t *const counters[VX_COUNTERS] = {&by->phased[node][contexts->scale][phase], &by->crossed[node][contexts->crossed],
                                           &by->texture[node][contexts->texture]};
  double inputs[VX_MOST_EXPERTS + VX_COUNTERS];
  for (unsigned k = 0; k < by->experts; k++) inputs[k] = limited(odds[k], LARGEST_ODDS);
  for (unsigned k = 0; k < VX_COUNTERS; k++) inputs[by->experts + k] = by->odds->log_odds[*counters[k] >> 12];
  const unsigned bit = settle(by, inputs, by->weights[0][depth][contexts->scale], by->weights[1][depth][contexts->pattern],
                              by->refiners[node][contexts->scale >> 1]);
  for (unsigned k = 0; k < VX_COUNTERS; k++) *counters[k] = vx_learnt(by->odds, *counters[k], bit);
  return bit;
}
