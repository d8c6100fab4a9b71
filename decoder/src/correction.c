#include "correction.h"

enum { STRAIGHT = 6, NEARBY = 2 * STRAIGHT + 4, TILE = 32 }; /* errors to the west and to the north; all errors that are features */

static const double MEMORY = 0.984375, RIDGE = 64.0, MOST = 1.5;

voxz_status vx_new_correction(vx_task *task, const vx_padded *padded, unsigned others, double *scales, vx_correction *made) {
  made->width = padded->width;
  made->others = others;
  made->row = STRAIGHT + padded->width + 1;
  VX_NEW(task, made->misses, (padded->height + STRAIGHT) * made->row);
  VX_NEW(task, made->beyond, padded->height * padded->width);
  return vx_new_regression(task, padded, TILE, MEMORY, others + NEARBY, scales, &made->squares);
}

static double *missed(const vx_correction *by, int64_t x, int64_t y) { return by->misses + (y + STRAIGHT) * by->row + x + STRAIGHT; }

double vx_correct_blend(vx_correction *by, double blend, int64_t x, int64_t y, double error, const double *places) {
  const vx_squares *squares = &by->squares;
  const double *solution = squares->solutions + (y / squares->tile * squares->across + x / squares->tile) * VX_MOST_LOCAL;
  const double *here = missed(by, x, y), *above = here - by->row, most = MOST * error + 1.0;
  double nearby[NEARBY] = {[2 * STRAIGHT] = above[-1], above[1], here[0], by->beyond[y * by->width + x]};
  for (int64_t k = 0; k < STRAIGHT; k++) {
    nearby[k] = here[-1 - k];
    nearby[STRAIGHT + k] = above[-k * by->row];
  }
  double found = 0.0; /* what is known before a row comes first */
  for (unsigned i = 0, k = by->others + STRAIGHT; i < squares->taps; i++, k = k + 1 < squares->taps ? k + 1 : 0) {
    const double feature = k < by->others ? places[k] - blend : nearby[k - by->others];
    squares->features[k * by->width + x] = feature;
    found += solution[k] * feature;
  }
  found = found > -most ? found : -most;
  return blend + (found < most ? found : most);
}

void vx_note_miss(vx_correction *by, double miss, int64_t x, int64_t y) {
  by->beyond[y * by->width + x] = *missed(by, x, y);
  *missed(by, x, y) = miss;
  by->squares.features[by->squares.taps * by->width + x] = miss;
}

void vx_learn_misses(const vx_correction *by, int64_t y) { vx_squares_learn(&by->squares, by->width, y, 0, RIDGE); }
