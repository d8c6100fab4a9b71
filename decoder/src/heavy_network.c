#include "heavy_network.h"

#include "arrays.h"

static const double FLOOR = 0.02, NARROWEST = -8.0, WIDEST = 20.0, LEAST = 1e-5, STEEPEST = 2.0;

static double within(double value, double low, double high) {
  const double above = value > low ? value : low;
  return above < high ? above : high;
}

static double at_least(double value, double least) { return value > least ? value : least; }

voxz_status vx_read_network(vx_task *task, const uint8_t *file, size_t size, const vx_network **network) {
  vx_arrays arrays;
  vx_network *it;
  VX_NEW(task, it, 1);
  VX_TRY(vx_open_arrays(task, file, size, &arrays));
  const uint32_t one = vx_array_axis(&arrays, "second", 0), two = vx_array_axis(&arrays, "second", 1);
  VX_CHECK(task, one >= 1 && one <= VX_MOST_UNITS && two >= 1 && two <= VX_MOST_UNITS, "a model is none of the heavy profile");
  const struct {
    const char *name;
    unsigned axes;
    uint32_t shape[3];
    const double **to;
  } expected[] = {{"first", 3, {8, VX_FEATURES, one}, &it->first},  {"slope", 2, {8, one, 0}, &it->slope},
                  {"bias", 2, {8, one, 0}, &it->bias},              {"level_bias", 2, {4, one, 0}, &it->level_bias},
                  {"kind_bias", 2, {2, one, 0}, &it->kind_bias},    {"second", 2, {one, two, 0}, &it->second},
                  {"second_bias", 1, {two, 0, 0}, &it->second_bias}, {"third", 2, {two, VX_OUTPUTS, 0}, &it->third},
                  {"third_bias", 2, {8, VX_OUTPUTS, 0}, &it->third_bias}, {"edges", 2, {2, 3, 0}, &it->edges}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    double *values;
    VX_TRY(vx_take_array(task, &arrays, expected[i].name, expected[i].axes, expected[i].shape, &values));
    *expected[i].to = values;
  }
  it->one = one;
  it->two = two;
  *network = it;
  return VOXZ_OK;
}

void vx_distribute(const vx_functions *functions, const vx_expert *expert, const double *deeper, unsigned two, unsigned used, double log,
                   const double *signed_inputs, vx_distribution *found) {
  double *outputs = found->outputs, total = 0.0;
  for (unsigned o = 0; o < used; o++) outputs[o] = expert->bias[o];
  for (unsigned h = 0; h < two; h++)
    for (unsigned o = 0; o < used; o++) outputs[o] += deeper[h] * expert->weights[h * VX_OUTPUTS + o];
  for (unsigned k = 0; k < VX_MIXED; k++) {
    found->shares[k] = at_least(outputs[k], 0.0) + FLOOR;
    total += found->shares[k];
  }
  for (unsigned k = 0; k < VX_MIXED; k++) {
    found->shares[k] /= total;
    found->steepness[k] = vx_power_of_two(functions, -within(log + outputs[VX_MIXED + k], NARROWEST, WIDEST));
  }
  found->mean = 0.0;
  for (unsigned k = 0; k < used - VX_GATES; k++) found->mean += outputs[VX_GATES + k] * signed_inputs[k];
}

double vx_chance_beyond(const vx_functions *functions, const vx_distribution *of, double bound) {
  double total = 0.0;
  for (unsigned k = 0; k < VX_MIXED; k++)
    total += of->shares[k] * (vx_logistic(functions->odds, (of->mean - bound) * of->steepness[k]) +
                              vx_logistic(functions->odds, -(of->mean + bound) * of->steepness[k]));
  return total;
}

double vx_odds_of_minus(const vx_functions *functions, const vx_distribution *of, double lower, double upper) {
  const vx_odds *odds = functions->odds;
  double minus = 1e-7, plus = 1e-7;
  for (unsigned k = 0; k < VX_MIXED; k++) {
    const double v = of->steepness[k];
    minus += of->shares[k] * (vx_logistic(odds, -(lower + of->mean) * v) - vx_logistic(odds, -(upper + of->mean) * v));
    plus += of->shares[k] * (vx_logistic(odds, (of->mean - lower) * v) - vx_logistic(odds, (of->mean - upper) * v));
  }
  return vx_odds_of(functions, minus / (minus + plus));
}

/* What slopes of shares and widths, and of the mean, are made of. */
typedef struct sums {
  double chance, moved, total, spread;
} sums;

static sums shape_slopes(const vx_odds *odds, const vx_distribution *of, double lower, double upper, double mean, double *slopes) {
  sums found = {LEAST, 0.0, 0.0, 0.0};
  for (unsigned k = 0; k < VX_MIXED; k++) {
    const double v = of->steepness[k], share = of->shares[k], a = (lower - mean) * v, b = (upper - mean) * v;
    const double below = vx_logistic(odds, a), above = vx_logistic(odds, b);
    const double inside = a + b > 0.0 ? vx_logistic(odds, -a) - vx_logistic(odds, -b) : above - below;
    const double falling = below * (1.0 - below), rising = above * (1.0 - above);
    found.total += at_least(of->outputs[k], 0.0) + FLOOR;
    found.chance += share * inside;
    found.moved += share * v * (falling - rising);
    slopes[k] = inside;
    slopes[VX_MIXED + k] = share * (a * falling - b * rising);
    found.spread += share / v;
  }
  return found;
}

void vx_learn_expert(const vx_functions *functions, vx_expert *expert, const vx_distribution *of, double lower, double upper, int minus,
                     const double *deeper, unsigned two, double energy, unsigned used, const double *signed_inputs, const double rates[2]) {
  double slopes[VX_OUTPUTS];
  const sums found = shape_slopes(functions->odds, of, lower, upper, minus ? -of->mean : of->mean, slopes);
  for (unsigned k = 0; k < VX_MIXED; k++) {
    const double slope = of->outputs[k] > 0.0 ? (slopes[k] - found.chance) / (found.chance * found.total) : 0.0;
    slopes[k] = rates[0] * within(slope, -STEEPEST, STEEPEST);
    slopes[VX_MIXED + k] = rates[0] * within(slopes[VX_MIXED + k] / found.chance, -STEEPEST, STEEPEST);
  }
  double moved = found.moved * found.spread * found.spread / found.chance, signed_energy = found.spread * found.spread;
  for (unsigned k = 0; k < used - VX_GATES; k++) signed_energy += signed_inputs[k] * signed_inputs[k];
  moved = (minus ? -moved : moved) / signed_energy;
  for (unsigned k = 0; k < used - VX_GATES; k++) slopes[VX_GATES + k] = rates[1] * within(moved * signed_inputs[k], -1.0, 1.0);
  for (unsigned k = 0; k < used; k++) {
    slopes[k] /= energy;
    expert->bias[k] += slopes[k];
  }
  for (unsigned h = 0; h < two; h++)
    if (deeper[h] > 0.0)
      for (unsigned k = 0; k < used; k++) expert->weights[h * VX_OUTPUTS + k] += deeper[h] * slopes[k];
}
