#include "mixed_walk.h"

#include "correction.h"
#include "mixed_sample.h"
#include "predictive_walk.h"
#include "squares.h"

#include <math.h>

enum { BESIDE = 2, ROWS = 3, BIASES = VX_PATTERNS * VX_COARSE, FIRST_COARSE = 8, FINE_ERRORS = 4096 };

static const double BIAS_DAMPING = 4.0, BIAS_SHARE = 0.8, BIAS_LIMIT = 255.0;
static const double STEP_IN_LOCAL = 0.5, STEP_IN_SCALE = 0.083, STEP_IN_WIDTH = 0.03;

typedef struct walk {
  const vx_padded *padded;
  const vx_predictor *by;
  const vx_quantiser *quantiser;
  vx_mixture *mixture;
  vx_squares squares;
  vx_correction correction;
  vx_row_sums sums;
  double *recent; /* (experts without the blend, rows by their number modulo 3, width + 4): magnitudes of errors */
  double *biases; /* (contexts, 2): sum of the blend's errors, their number */
  unsigned others; /* experts without the blend */
  int64_t half, ceiling;
  double unit, most, span; /* of predictions; largest sample; a step, in dense values */
} walk;

static double *recent_row(const walk *on, unsigned expert, int64_t y) {
  return on->recent + (expert * ROWS + (size_t)(y % ROWS)) * ((size_t)on->padded->width + 2 * BESIDE);
}

/* Quarter octaves of an error: 4 log2(e + 2) - 4, rounded down. */
static unsigned scale_of(int64_t error) {
  const uint64_t small = (uint64_t)(error < FINE_ERRORS ? error : vx_min(error >> 8, FINE_ERRORS - 1)) + 2;
  const uint64_t fourth = small * small * small * small;
  unsigned bits = 0;
  while (fourth >> bits) bits++;
  return (unsigned)vx_min((int64_t)bits - 5 + (error < FINE_ERRORS ? 0 : 32), VX_SCALES - 1);
}

static unsigned coarse_of(int64_t error) { return (unsigned)vx_clamp(vx_right((int64_t)scale_of(error) - FIRST_COARSE, 1), 0, VX_COARSE - 1); }

/* Mean of the predictions, weighted by how well each did nearby; widths get local mean errors. */
static double blend(const walk *on, int64_t x, int64_t y, vx_experts *experts) {
  double weights = 0.0, places = 0.0;
  for (unsigned k = 0; k < on->others; k++) {
    const double *now = recent_row(on, k, y) + x, *above = recent_row(on, k, y + 2) + x, *far = recent_row(on, k, y + 1) + x;
    double local = 2.0 * (now[1] + above[2]) + (above[1] + above[3]);
    local += now[0] + far[2] + 0.3;
    if (on->quantiser->step) local += STEP_IN_LOCAL * on->span;
    experts->width[k] = local * 0.125;
    double weight = 1.0 / (local * local);
    weight *= weight;
    weights += weight;
    places += weight * experts->place[k];
  }
  return places / weights;
}

/* Which neighbours lie above the blend. */
static unsigned pattern_of(const walk *on, const vx_slice *slice, const int32_t *i, double centre) {
  const int64_t row = on->padded->row, north = i[-row];
  unsigned pattern = i[-1] > centre;
  pattern |= (unsigned)((double)north > centre) << 1;
  pattern |= (unsigned)(i[-row - 1] > centre) << 2;
  pattern |= (unsigned)(i[-row + 1] > centre) << 3;
  pattern |= (unsigned)(i[slice->beside] > centre) << 4;
  return pattern | (unsigned)((double)(2 * north - i[-2 * row]) > centre) << 5;
}

static vx_contexts contexts_of(int64_t error, int64_t west, int64_t north, unsigned pattern) {
  const unsigned scale = scale_of(error), coarse = (unsigned)vx_min(scale / 3, VX_COARSE - 1);
  const unsigned texture = (coarse * VX_COARSE + coarse_of(west)) * VX_COARSE + coarse_of(north);
  return (vx_contexts){error, west, north, scale, pattern, pattern * VX_COARSE + coarse, texture};
}

/* Turn expected errors into one over the widths of distributions; returns the scale of the voxel in least squares. */
static double sharpen(const walk *on, vx_experts *experts) {
  const double last = experts->width[on->others], square = on->span * on->span;
  const int stepped = on->quantiser->step != 0;
  const double variance = last * last + 0.5;
  for (unsigned k = 0; k <= on->others; k++) {
    const double own = 0.5 * experts->width[k] * experts->width[k] + 0.03;
    experts->width[k] = 1.0 / sqrt(stepped ? own + STEP_IN_WIDTH * square : own);
  }
  return 1.0 / sqrt(stepped ? variance + STEP_IN_SCALE * square : variance);
}

/* What each expert but the blend predicts; features of the west are filled. */
static void expect(walk *on, const vx_slice *slice, int64_t x, int64_t first_tile, const int32_t *i, const vx_west *west, vx_experts *experts) {
  vx_squares *squares = &on->squares;
  const int64_t width = on->padded->width, north = i[-on->padded->row];
  double *features = squares->features;
  features[x] = (double)(west->w1 - north);
  features[width + x] = (double)(west->w2 - north);
  experts->place[0] = (double)(vx_predict(on->sums.predicted[x], on->sums.coefficients[x], west, on->half, on->ceiling) - on->half) * on->unit;
  for (unsigned q = 0; q < squares->memories; q++) {
    const double *solution = vx_solution(squares, q, slice, first_tile + x / squares->tile);
    const double found = (double)north + (squares->predicted[q * width + x] + solution[0] * features[x] + solution[1] * features[width + x]);
    const double above = found > 0.0 ? found : 0.0;
    experts->place[q + 1] = above < on->most ? above : on->most;
  }
}

static void learn_bias(double *bias, double miss) {
  bias[0] += miss;
  bias[1] += 1.0;
  if (bias[1] > BIAS_LIMIT) {
    bias[0] *= 0.5;
    bias[1] *= 0.5;
  }
}

/* A sample; -1 for damage. */
static int64_t code_sample(walk *on, const vx_slice *slice, int64_t x, int64_t y, int64_t first, int64_t error, const vx_west *west) {
  int32_t *i = on->padded->samples + first + x, *errors = on->padded->errors + first + x;
  vx_experts experts;
  expect(on, slice, x, y / on->squares.tile * on->squares.across, i, west, &experts);
  double centre = blend(on, x, y, &experts);
  const vx_contexts contexts = contexts_of(error, errors[-1], errors[-on->padded->row], pattern_of(on, slice, i, centre));
  double *bias = on->biases + 2 * contexts.crossed;
  centre += BIAS_SHARE * bias[0] / (bias[1] + BIAS_DAMPING);
  centre = centre > 0.0 ? centre : 0.0;
  centre = centre < on->most ? centre : on->most;
  const double blended = centre;
  experts.width[on->others] = (double)error / (1 << VX_ERROR_BITS);
  centre = vx_correct_blend(&on->correction, blended, x, y, experts.width[on->others], experts.place);
  centre = centre > 0.0 ? centre : 0.0;
  centre = centre < on->most ? centre : on->most;
  experts.place[on->others] = centre;
  on->squares.scales[x] = sharpen(on, &experts);
  const int64_t sample = on->quantiser->step ? vx_stepped_sample(on->mixture, &experts, &contexts, on->quantiser, on->padded->highest)
                                             : vx_exact_sample(on->mixture, &experts, &contexts, on->padded->highest);
  for (unsigned k = 0; k < on->others; k++) recent_row(on, k, y)[x + BESIDE] = fabs((double)sample - experts.place[k]);
  vx_note_miss(&on->correction, (double)sample - blended, x, y);
  const double miss = (double)sample - centre, size = fabs(miss) * (1 << VX_ERROR_BITS);
  learn_bias(bias, miss);
  *errors = (int32_t)(size < VX_LARGEST_ERROR ? size : VX_LARGEST_ERROR);
  return sample;
}

/* An absent sample takes no part in learning. */
static void pass_absent(walk *on, const vx_slice *slice, int64_t x, int64_t y, int64_t first, int64_t error) {
  const int64_t width = on->padded->width;
  on->padded->samples[first + x] = (int32_t)vx_stand_in(on->padded, first + x, slice->beside);
  on->padded->errors[first + x] = (int32_t)error;
  for (unsigned k = 0; k < on->others; k++) recent_row(on, k, y)[x + BESIDE] = recent_row(on, k, y + 2)[x + BESIDE];
  on->squares.features[x] = on->squares.features[width + x] = on->squares.scales[x] = 0.0;
  vx_note_miss(&on->correction, 0.0, x, y);
}

static voxz_status walk_row(vx_task *task, walk *on, const vx_slice *slice, int64_t y, int64_t first) {
  const vx_padded *padded = on->padded;
  const vx_errors *weights = on->by->errors[slice->mode];
  int32_t *samples = padded->samples + first, *errors = padded->errors + first;
  vx_west west = {samples[-1], samples[-1], samples[-1], samples[-1]};
  for (unsigned k = 0; k < on->others; k++) recent_row(on, k, y)[0] = recent_row(on, k, y)[1] = recent_row(on, k, y + 2)[BESIDE];
  for (int64_t x = 0; x < padded->width; x++) {
    const int64_t sum = on->sums.expected[x] + weights->west[0] * (int64_t)errors[x - 1] + weights->west[1] * (int64_t)errors[x - 2];
    const int64_t error = vx_min(sum >> VX_WEIGHT_BITS, VX_LARGEST_ERROR);
    if (padded->absent && padded->absent[first + x]) {
      pass_absent(on, slice, x, y, first, error);
    } else {
      const int64_t sample = code_sample(on, slice, x, y, first, error, &west);
      VX_CHECK(task, sample >= 0, "the entropy-coded samples of a brick are damaged");
      samples[x] = (int32_t)sample;
    }
    vx_west_next(&west, samples[x]);
  }
  for (unsigned k = 0; k < on->others; k++) recent_row(on, k, y)[padded->width + BESIDE] = recent_row(on, k, y)[padded->width + BESIDE - 1];
  return VOXZ_OK;
}

static voxz_status start(vx_task *task, walk *on, unsigned settings, const uint8_t *stream, size_t size) {
  const vx_padded *padded = on->padded;
  VX_TRY(vx_new_squares(task, padded, settings, &on->squares));
  VX_TRY(vx_new_row_sums(task, padded, on->by, &on->sums));
  on->others = on->squares.memories + 1;
  VX_TRY(vx_new_correction(task, padded, on->others, on->squares.scales, &on->correction));
  VX_TRY(vx_new_mixture(task, on->others + 1, stream, size, &on->mixture));
  VX_NEW(task, on->recent, on->others * ROWS * (padded->width + 2 * BESIDE));
  VX_NEW(task, on->biases, 2 * BIASES);
  on->half = (int64_t)1 << (on->by->precision - 1);
  on->ceiling = (padded->highest << on->by->precision) + on->half;
  on->unit = 1.0 / (double)((int64_t)1 << on->by->precision);
  on->most = (double)padded->highest;
  on->span = on->quantiser->step ? (double)on->quantiser->step / VX_STEP_UNIT : 1.0;
  return VOXZ_OK;
}

voxz_status vx_walk_mixed(vx_task *task, vx_padded *padded, const vx_predictor *by, unsigned settings, const vx_quantiser *quantiser,
                          const uint8_t *stream, size_t size) {
  walk on = {.padded = padded, .by = by, .quantiser = quantiser};
  VX_TRY(start(task, &on, settings, stream, size));
  for (int64_t s = 0; s < padded->series; s++)
    for (int64_t z = 0; z < padded->depth; z++) {
      const vx_slice slice = vx_enter_slice(padded, s, z);
      vx_sums_enter(padded, by, settings, &slice, &on.sums);
      vx_squares_enter(padded, &slice, settings, &on.squares);
      for (int64_t y = 0; y < padded->height; y++) {
        const int64_t first = vx_open_row(padded, &slice, y);
        vx_sum_row(padded, by, &slice, y, first, &on.sums);
        vx_squares_open(padded, &slice, y, first, &on.squares);
        VX_TRY(walk_row(task, &on, &slice, y, first));
        VX_CHECK(task, on.mixture->coder.position <= size, "the entropy-coded samples of a brick end early");
        vx_squares_close(padded, &slice, y, first, &on.squares);
        vx_learn_misses(&on.correction, y);
        vx_close_row(padded, first);
      }
      vx_leave_slice(padded, &slice);
    }
  VX_CHECK(task, on.mixture->coder.position == size, "the entropy-coded samples of a brick are damaged");
  return VOXZ_OK;
}
