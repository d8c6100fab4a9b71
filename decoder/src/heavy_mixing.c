#include "heavy_mixing.h"

enum { CONSTANT = VX_HEAVY_COUNTERS, LIMIT = 1000 };

static const double EDGE = 11.5, RATE = 0.002, EARLY_RATE = 0.01, EARLY = 64.0, FINAL_RATE = 0.0005, REFINING = 0.005;

voxz_status vx_new_heavy_mixture(vx_task *task, const vx_functions *functions, vx_coder *coder, vx_heavy_mixture **mixture) {
  vx_heavy_mixture *made;
  VX_NEW(task, made, 1);
  made->functions = functions;
  made->coder = coder;
  vx_weights *weights = made->weights[0][0];
  for (size_t i = 0; i < sizeof made->weights / sizeof *weights; i++)
    for (unsigned k = 0; k < VX_HEAVY_INPUTS; k++) weights[i].of[k] = k < CONSTANT ? 0.03 : k == CONSTANT ? 0.0 : 0.7 / VX_EXPERTS;
  for (unsigned kind = 0; kind < VX_HEAVY_KINDS; kind++) {
    for (unsigned s = 0; s < VX_HEAVY_SETS; s++) made->final[kind][s] = 1.0 / VX_HEAVY_SETS;
    for (unsigned row = 0; row < VX_HEAVY_ROWS; row++)
      for (unsigned i = 0; i < VX_HEAVY_REFINED; i++)
        made->refiners[kind][row][i] = functions->odds->logistic[i * (2 * VX_REACH * VX_STEPS / (VX_HEAVY_REFINED - 1))];
  }
  vx_counter *counters = made->counters[0][0];
  for (size_t i = 0; i < sizeof made->counters / sizeof *counters; i++) counters[i].chance = 0.5;
  *mixture = made;
  return VOXZ_OK;
}

static double held(double value) {
  const double low = value > -EDGE ? value : -EDGE;
  return low < EDGE ? low : EDGE;
}

static void learn_set(const vx_heavy_mixture *mixture, vx_weights *own, const double *inputs, double result, double one) {
  const double change = (RATE + EARLY_RATE * EARLY / (EARLY + own->uses)) * (one - vx_logistic(mixture->functions->odds, result));
  own->uses += 1.0;
  for (unsigned k = 0; k < VX_HEAVY_INPUTS; k++) own->of[k] += change * inputs[k];
}

unsigned vx_heavy_decide(vx_heavy_mixture *mixture, vx_heavy_decision *of) {
  vx_weights *sets[VX_HEAVY_SETS];
  vx_counter *counters[VX_HEAVY_COUNTERS];
  double results[VX_HEAVY_SETS], total = 0.0, *final = mixture->final[of->kind];
  for (unsigned k = 0; k < VX_HEAVY_COUNTERS; k++) {
    counters[k] = &mixture->counters[k][of->kind][of->contexts[k]];
    of->inputs[k] = vx_odds_of(mixture->functions, counters[k]->chance);
  }
  of->inputs[CONSTANT] = 0.3;
  for (unsigned s = 0; s < VX_HEAVY_SETS; s++) {
    double result = 0.0;
    sets[s] = &mixture->weights[s][of->kind][of->chosen[s]];
    for (unsigned k = 0; k < VX_HEAVY_INPUTS; k++) result += sets[s]->of[k] * of->inputs[k];
    results[s] = held(result);
    total += final[s] * results[s];
  }
  total = held(total);
  const double mixed = vx_logistic(mixture->functions->odds, total);
  const double place = (total + VX_REACH) * ((VX_HEAVY_REFINED - 1) / (2.0 * VX_REACH));
  const unsigned index = (unsigned)place;
  const double part = place - (double)index;
  double *point = mixture->refiners[of->kind][of->row] + index;
  const double refined = point[0] * (1.0 - part) + point[1] * part;
  const uint32_t chance = (uint32_t)((mixed + refined) * 32768.0);
  const unsigned bit = vx_bit(mixture->coder, chance < 1 ? 1 : chance > 65535 ? 65535 : chance);
  const double one = (double)bit;
  for (unsigned s = 0; s < VX_HEAVY_SETS; s++) {
    final[s] += FINAL_RATE * (one - mixed) * results[s];
    learn_set(mixture, sets[s], of->inputs, results[s], one);
  }
  point[0] += REFINING * (1.0 - part) * (one - point[0]);
  point[1] += REFINING * part * (one - point[1]);
  for (unsigned k = 0; k < VX_HEAVY_COUNTERS; k++) {
    counters[k]->chance += (one - counters[k]->chance) / ((double)counters[k]->count + 1.5);
    if (counters[k]->count < LIMIT) counters[k]->count++;
  }
  return bit;
}
