#include "predictive_walk.h"

enum { LAG = 3 };

/* What stays the same over the walk. */
typedef struct walk {
  const vx_padded *padded;
  const vx_predictor *by;
  unsigned settings;
  const vx_tables *tables;
  const vx_quantiser *quantiser;
  vx_residuals *from;
  int64_t half, ceiling, highest;
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

/* One of the rows that are decoded in alternation. */
typedef struct lane {
  vx_slice slice;
  int64_t y, first;
  vx_row_sums sums;
} lane;

/* What the loop over the voxels of a row works with. */
typedef struct row {
  const int64_t *predicted, *expected;
  const int32_t *const *coefficients;
  int32_t *samples, *errors;
  const uint8_t *absent;
  int64_t first, beside, weight, weight_beyond;
  int64_t error, error_beyond; /* of the voxel to the west, and of the one beyond */
  vx_west west;
} row;

static row open_lane(const walk *on, lane *of, int64_t series, int64_t z, int64_t y) {
  const vx_padded *padded = on->padded;
  if (y == 0) {
    of->slice = vx_enter_slice(padded, series, z);
    vx_sums_enter(padded, on->by, on->settings, &of->slice, &of->sums);
  }
  of->y = y;
  of->first = vx_open_row(padded, &of->slice, y);
  vx_sum_row(padded, on->by, &of->slice, y, of->first, &of->sums);
  int32_t *samples = padded->samples + of->first, *errors = padded->errors + of->first;
  const vx_errors *weights = on->by->errors[of->slice.mode];
  const int64_t west = samples[-1];
  return (row){of->sums.predicted, of->sums.expected, of->sums.coefficients, samples, errors,
               padded->absent ? padded->absent + of->first : NULL, of->first, of->slice.beside, weights->west[0], weights->west[1],
               errors[-1], errors[-2], {west, west, west, west}};
}

static void close_lane(const walk *on, const lane *of) {
  vx_close_row(on->padded, of->first);
  if (of->y == on->padded->height - 1) vx_leave_slice(on->padded, &of->slice);
}

/* Decode voxel x; 0 for damage. */
VX_INLINED int walk_voxel(const walk *on, row *of, vx_residuals *from, int64_t x) {
  const int64_t expected = of->expected[x] + of->weight * of->error + of->weight_beyond * of->error_beyond;
  int64_t sample, error;
  if (of->absent && of->absent[x]) {
    sample = vx_stand_in(on->padded, of->first + x, of->beside);
    error = vx_min(expected >> VX_WEIGHT_BITS, VX_LARGEST_ERROR);
  } else {
    const int64_t prediction = vx_predict(of->predicted[x], of->coefficients[x], &of->west, on->half, on->ceiling);
    const int64_t residual = vx_next_residual(from, table_of(on, expected, prediction));
    sample = sample_of(on, prediction, residual);
    if (sample < 0 || sample > on->highest) return 0;
    error = error_of(on, prediction, sample);
  }
  of->samples[x] = (int32_t)sample;
  of->errors[x] = (int32_t)error;
  of->error_beyond = of->error;
  of->error = error;
  vx_west_next(&of->west, sample);
  return 1;
}

/* One row, or two in alternation: a voxel waits for the one to its west, and the processor works on the other row meanwhile. */
static voxz_status walk_rows(vx_task *task, const walk *given, const row *rows, unsigned count) {
  const walk on = *given; /* copies that stay in registers */
  vx_residuals from = *on.from;
  row first = rows[0], second = rows[count - 1];
  const int64_t width = on.padded->width;
  int sound = 1;
  if (count == 2)
    for (int64_t x = 0; x < width && sound; x++) sound = walk_voxel(&on, &first, &from, x) && walk_voxel(&on, &second, &from, x);
  else
    for (int64_t x = 0; x < width && sound; x++) sound = walk_voxel(&on, &first, &from, x);
  *on.from = from;
  VX_CHECK(task, sound, "the entropy-coded residuals of a brick are damaged");
  VX_CHECK(task, !from.overrun, "the entropy-coded residuals of a brick end early");
  return VOXZ_OK;
}

/* From slice 1 on, odd slices are in the first lane and even ones in the second, LAG rows behind. */
static voxz_status walk_volume(vx_task *task, const walk *on, lane *lanes, int64_t series) {
  const int64_t depth = on->padded->depth, height = on->padded->height;
  const int pairs = !on->by->ahead && height >= 2 * LAG;
  const int64_t turns = pairs ? (1 + depth / 2) * height + LAG : depth * height;
  for (int64_t turn = 0; turn < turns; turn++) {
    const int64_t step = turn / height, behind = turn - height - LAG;
    const int64_t first = pairs && step > 0 ? 2 * step - 1 : step;
    const int64_t second = pairs && behind >= 0 ? 2 + behind / height * 2 : depth;
    row rows[2];
    unsigned count = 0;
    if (first < depth) rows[count++] = open_lane(on, &lanes[0], series, first, turn % height);
    if (second < depth) rows[count++] = open_lane(on, &lanes[1], series, second, behind % height);
    if (count > 0) VX_TRY(walk_rows(task, on, rows, count));
    if (first < depth) close_lane(on, &lanes[0]);
    if (second < depth) close_lane(on, &lanes[1]);
  }
  return VOXZ_OK;
}

voxz_status vx_walk_predictive(vx_task *task, vx_padded *padded, const vx_predictor *by, unsigned settings, const vx_tables *tables,
                               const vx_quantiser *quantiser, vx_residuals *from) {
  const int64_t half = (int64_t)1 << (by->precision - 1), ceiling = (padded->highest << by->precision) + half;
  const walk on = {padded, by, settings, tables, quantiser, from, half, ceiling, padded->highest, scaling_of(quantiser)};
  lane lanes[2];
  for (unsigned n = 0; n < 2; n++) VX_TRY(vx_new_row_sums(task, padded, by, &lanes[n].sums));
  for (int64_t s = 0; s < padded->series; s++) VX_TRY(walk_volume(task, &on, lanes, s));
  VX_CHECK(task, vx_residuals_end(from), "the entropy-coded residuals of a brick are damaged");
  return VOXZ_OK;
}
