#include "quantiser.h"

#define LARGEST_STEP (((int64_t)1 << 33) - 1)
#define FARTHEST ((int64_t)1 << 27)

voxz_status vx_read_quantiser(vx_task *task, vx_side *side, vx_quantiser *made) {
  int64_t part[10], value[5];
  VX_TRY(vx_few_integers(task, side, 2, part));
  VX_TRY(vx_few_integers(task, side, 8, part + 2));
  for (unsigned i = 0; i < 5; i++) value[i] = part[2 * i] * ((int64_t)1 << 22) + part[2 * i + 1];
  *made = (vx_quantiser){value[0], value[1], value[2], value[3], value[4]};
  const int64_t step = made->step;
  const int moved = vx_magnitude(made->near) <= step && vx_magnitude(made->far) <= step && vx_magnitude(made->bias) <= step;
  VX_CHECK(task, step > VX_STEP_UNIT && step <= LARGEST_STEP && made->reach >= 0 && made->reach < step && moved, "a quantiser is out of bounds");
  return VOXZ_OK;
}

int64_t vx_stepped(const vx_quantiser *by, int64_t prediction, int64_t steps, int64_t highest) {
  const int64_t away = vx_min(vx_magnitude(steps), FARTHEST);
  const int64_t moved = away * by->step - (away == 0 ? 0 : away == 1 ? by->near : by->far);
  return vx_clamp(vx_right(prediction + (steps >= 0 ? moved : -moved) + VX_STEP_UNIT / 2, VX_STEP_BITS), 0, highest);
}
