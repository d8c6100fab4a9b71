#include "predictive_walk.h"

/* What stays the same over the walk. */
typedef struct walk {
  const vx_padded *padded;
  const vx_predictor *by;
  const vx_tables *tables;
  const vx_quantiser *quantiser;
  vx_residuals *from;
  int64_t half, ceiling;
  unsigned scaling; /* of expected errors, to grades */
} walk;

/* With loss, errors are as large as steps: grades keep their resolution. */
static unsigned scaling_of(const vx_quantiser *quantiser) {
  unsigned bits = 0;
  while (quantiser->step >> bits > 0) bits++;
  return VX_WEIGHT_BITS + (bits > 10 ? bits - 10 : 0);
}

static const vx_table *table_of(const walk *on, int64_t expected, int64_t prediction) {
  const unsigned grade = vx_grade_of(expected >> on->scaling);
  const unsigned phase = (unsigned)(prediction >> (on->by->precision - 2)) & on->tables->phased[grade];
  return &on->tables->table[on->tables->first[grade] + (on->by->ahead ? 0 : phase)];
}

/* The sample for a residual; outside 0 to highest for damage. */
static int64_t sample_of(const walk *on, int64_t prediction, int64_t residual) {
  const unsigned precision = (unsigned)on->by->precision;
  if (on->quantiser->step == 0) return (prediction >> precision) + residual;
  const int64_t place = ((prediction - on->half) >> (precision - VX_STEP_BITS)) + on->quantiser->bias;
  return vx_stepped(on->quantiser, place, residual, on->padded->highest);
}

/* How far a sample lies from its prediction, in 1/16. */
static int64_t error_of(const walk *on, int64_t prediction, int64_t sample) {
  const int64_t place = (prediction - on->half) >> (on->by->precision - VX_ERROR_BITS);
  return vx_min(vx_magnitude((sample << VX_ERROR_BITS) - place), VX_LARGEST_ERROR);
}

static voxz_status walk_row(vx_task *task, const walk *on, const vx_slice *slice, int64_t first, const vx_row_sums *sums) {
  const vx_padded *padded = on->padded;
  const vx_errors *weights = on->by->errors[slice->mode];
  int32_t *samples = padded->samples + first, *errors = padded->errors + first;
  vx_west west = {samples[-1], samples[-1], samples[-1], samples[-1]};
  for (int64_t x = 0; x < padded->width; x++) {
    const int64_t expected = sums->expected[x] + weights->west[0] * (int64_t)errors[x - 1] + weights->west[1] * (int64_t)errors[x - 2];
    if (padded->absent && padded->absent[first + x]) {
      samples[x] = (int32_t)vx_stand_in(padded, first + x, slice->beside);
      errors[x] = (int32_t)vx_min(expected >> VX_WEIGHT_BITS, VX_LARGEST_ERROR);
    } else {
      const int64_t prediction = vx_predict(sums, x, &west, on->half, on->ceiling);
      const int64_t residual = vx_next_residual(on->from, table_of(on, expected, prediction));
      const int64_t sample = sample_of(on, prediction, residual);
      VX_CHECK(task, sample >= 0 && sample <= padded->highest, "the entropy-coded residuals of a brick are damaged");
      samples[x] = (int32_t)sample;
      errors[x] = (int32_t)error_of(on, prediction, sample);
    }
    vx_west_next(&west, samples[x]);
  }
  return VOXZ_OK;
}

voxz_status vx_walk_predictive(vx_task *task, vx_padded *padded, const vx_predictor *by, unsigned settings, const vx_tables *tables,
                               const vx_quantiser *quantiser, vx_residuals *from) {
  const int64_t half = (int64_t)1 << (by->precision - 1);
  const walk on = {padded, by, tables, quantiser, from, half, (padded->highest << by->precision) + half, scaling_of(quantiser)};
  vx_row_sums sums;
  VX_TRY(vx_new_row_sums(task, padded, &sums));
  for (int64_t s = 0; s < padded->series; s++)
    for (int64_t z = 0; z < padded->depth; z++) {
      const vx_slice slice = vx_enter_slice(padded, s, z);
      vx_sums_enter(padded, by, settings, &slice, &sums);
      for (int64_t y = 0; y < padded->height; y++) {
        const int64_t first = vx_open_row(padded, &slice, y);
        vx_sum_row(padded, by, &slice, y, first, &sums);
        VX_TRY(walk_row(task, &on, &slice, first, &sums));
        VX_CHECK(task, !from->overrun, "the entropy-coded residuals of a brick end early");
        vx_close_row(padded, first);
      }
      vx_leave_slice(padded, &slice);
    }
  VX_CHECK(task, vx_residuals_end(from), "the entropy-coded residuals of a brick are damaged");
  return VOXZ_OK;
}
