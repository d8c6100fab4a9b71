#include "mixed_sample.h"

enum { SIDE, OFF, STRIDE_SHIFT = 4 };

/* Distances on one side of the blend: in steps of `span` dense values from `edge` on. */
typedef struct side {
  unsigned upper;
  double edge, span, sign;
} side;

/* Chance that an expert gives to distances of `steps` or more. */
static double beyond(const vx_mixture *mixture, const side *on, const vx_experts *experts, unsigned k, int64_t steps) {
  const double origin = on->sign * (on->edge - experts->place[k]);
  return vx_logistic(mixture->odds, -(origin + (double)steps * on->span) * experts->width[k]);
}

/* A distance that lies in the stride from `reached` on, by halving that with the blend's chances. */
static int64_t halve(vx_mixture *mixture, const side *on, const vx_experts *experts, int64_t reached, int64_t stride) {
  const unsigned last = mixture->experts - 1;
  double inside = beyond(mixture, on, experts, last, reached), outside = beyond(mixture, on, experts, last, reached + stride);
  while (stride > 1) {
    const int64_t lower = stride >> 1;
    const double between = beyond(mixture, on, experts, last, reached + lower), whole = inside - outside;
    const int64_t share = (int64_t)((between - outside) / (whole > 1e-12 ? whole : 1e-12) * 65536.0);
    if (vx_bit(&mixture->coder, (uint32_t)vx_clamp(share, 2048, 63488))) {
      reached += lower;
      stride -= lower;
      inside = between;
    } else {
      stride = lower;
      outside = between;
    }
  }
  return reached;
}

/* Steps beyond the first, from 0 on: does the distance reach the next bound? -1 beyond `most`. */
static int64_t distance(vx_mixture *mixture, const side *on, const vx_experts *experts, const vx_contexts *contexts, unsigned phase,
                        int64_t stride, int64_t most) {
  double odds[VX_MOST_EXPERTS];
  int64_t reached = 0;
  for (unsigned depth = 1;; depth = depth + 1 < VX_DEPTH ? depth + 1 : VX_DEPTH - 1) {
    const int64_t bound = reached + stride;
    for (unsigned k = 0; k < mixture->experts; k++) {
      const double inside = beyond(mixture, on, experts, k, reached);
      odds[k] = vx_log_odds(mixture->odds, beyond(mixture, on, experts, k, bound) / inside);
    }
    if (!vx_decide(mixture, odds, depth * 2 + on->upper, depth, phase, contexts)) return halve(mixture, on, experts, reached, stride);
    reached = bound;
    if (reached > most) return -1;
    if (depth >= 3) stride += (stride + 1) >> 1;
  }
}

int64_t vx_exact_sample(vx_mixture *mixture, const vx_experts *experts, const vx_contexts *contexts, int64_t highest) {
  const double centre = experts->place[mixture->experts - 1];
  const int64_t floor = (int64_t)centre;
  const unsigned phase = (unsigned)vx_min((int64_t)((centre - (double)floor) * VX_PHASES), VX_PHASES - 1);
  side on = {0, (double)floor + 0.5, 1.0, -1.0};
  double odds[VX_MOST_EXPERTS];
  for (unsigned k = 0; k < mixture->experts; k++) odds[k] = (experts->place[k] - on.edge) * experts->width[k];
  on.upper = vx_decide(mixture, odds, SIDE, 0, phase, contexts);
  on.sign = on.upper ? 1.0 : -1.0;
  const int64_t reached = distance(mixture, &on, experts, contexts, phase, vx_max(1, contexts->error >> STRIDE_SHIFT), highest);
  const int64_t sample = on.upper ? floor + 1 + reached : floor - reached;
  return reached >= 0 && sample <= highest ? sample : -1;
}

/* Whether the sample is any step off the blend comes before the side. */
int64_t vx_stepped_sample(vx_mixture *mixture, const vx_experts *experts, const vx_contexts *contexts, const vx_quantiser *by,
                          int64_t highest) {
  const double centre = experts->place[mixture->experts - 1];
  const double unit = VX_STEP_UNIT, span = (double)by->step / unit, middle = (double)(by->step - by->reach) / unit;
  const int64_t place = by->step % VX_STEP_UNIT ? (int64_t)(centre * unit + 0.5) : (int64_t)(centre + 0.5) * VX_STEP_UNIT;
  const int64_t floor = place + by->bias;
  const double lower = (double)floor / unit - middle, upper = lower + 2.0 * middle;
  const unsigned phase = (contexts->west * VX_STEP_UNIT > 8 * by->step) + 2u * (contexts->north * VX_STEP_UNIT > 8 * by->step);
  double off[VX_MOST_EXPERTS], sides[VX_MOST_EXPERTS];
  for (unsigned k = 0; k < mixture->experts; k++) {
    const double above = vx_logistic(mixture->odds, (experts->place[k] - upper) * experts->width[k]);
    const double below = vx_logistic(mixture->odds, (lower - experts->place[k]) * experts->width[k]);
    off[k] = vx_log_odds(mixture->odds, above + below);
    sides[k] = vx_log_odds(mixture->odds, above / (above + below));
  }
  if (!vx_decide(mixture, off, OFF, VX_DEPTH, phase, contexts)) return vx_stepped(by, floor, 0, highest);
  side on = {vx_decide(mixture, sides, SIDE, 0, phase, contexts), 0.0, span, 0.0};
  on.edge = on.upper ? upper : lower;
  on.sign = on.upper ? 1.0 : -1.0;
  const int64_t stride = vx_max(1, vx_max(1, contexts->error >> STRIDE_SHIFT) * VX_STEP_UNIT / by->step);
  const int64_t reached = distance(mixture, &on, experts, contexts, phase, stride, highest);
  return reached < 0 ? -1 : vx_stepped(by, floor, on.upper ? reached + 1 : -1 - reached, highest);
}
