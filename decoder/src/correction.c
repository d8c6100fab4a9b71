#include "correction.h"

enum { NEARBY = 5, TILE = 32 };

static const double MEMORY = 0.984375, RIDGE = 16.0;

voxz_status vx_new_correction(vx_task *task, const vx_padded *padded, unsigned others, double *scales, vx_correction *made) {
  made->width = padded->width;
  made->others = others;
  VX_NEW(task, made->misses, (padded->height + 1) * (padded->width + 2));
  return vx_new_regression(task, padded, TILE, MEMORY, others + NEARBY, scales, &made->squares);
}

static double *missed(const vx_correction *by, int64_t x, int64_t y) { return by->misses + (y + 1) * (by->width + 2) + x + 1; }

double vx_correct_blend(vx_correction *by, double blend, int64_t x, int64_t y, double error, const double *places) {
  const vx_squares *squares = &by->squares;
  const double *solution = squares->solutions + (y / squares->tile * squares->across + x / squares->tile) * VX_MOST_LOCAL;
  const double *here = missed(by, x, y), *above = missed(by, x, y - 1), most = 0.5 * error + 1.0;
  const double nearby[NEARBY] = {here[-1], above[0], above[-1], above[1], here[0]};
  double found = 0.0;
  for (unsigned k = 0; k < squares->taps; k++) {
    const double feature = k < by->others ? places[k] - blend : nearby[k - by->others];
    squares->features[k * by->width + x] = feature;
    found += solution[k] * feature;
  }
  found = found > -most ? found : -most;
  return blend + (found < most ? found : most);
}

void vx_note_miss(vx_correction *by, double miss, int64_t x, int64_t y) {
  *missed(by, x, y) = miss;
  by->squares.features[by->squares.taps * by->width + x] = miss;
}

void vx_learn_misses(const vx_correction *by, int64_t y) { vx_squares_learn(&by->squares, by->width, y, 0, RIDGE); }
