#include "row_sums.h"

voxz_status vx_new_row_sums(vx_task *task, const vx_padded *padded, vx_row_sums *made) {
  VX_NEW(task, made->predicted, padded->width);
  VX_NEW(task, made->expected, padded->width);
  VX_NEW(task, made->coefficients, padded->width);
  return VOXZ_OK;
}

void vx_sums_enter(const vx_padded *padded, const vx_predictor *predictor, unsigned settings, const vx_slice *slice, vx_row_sums *sums) {
  const vx_errors *errors = predictor->errors[slice->mode];
  vx_tap taps[VX_MOST_TAPS];
  sums->taps = vx_list_taps(vx_forward_taps(settings, slice->mode), taps);
  for (unsigned t = 0; t < sums->taps; t++) sums->offsets[t] = vx_offset(padded, slice->series, taps[t]);
  sums->errors = 0;
  for (unsigned r = 0; r < errors->rows; r++)
    for (int i = 0; i < errors->row[r].count; i++) {
      const vx_error_row *row = &errors->row[r];
      const vx_tap tap = {row->volume, row->dz, row->dy, row->first + i};
      sums->error_offsets[sums->errors] = vx_offset(padded, slice->series, tap);
      sums->error_weights[sums->errors++] = row->weight[i];
    }
}

static int64_t gap(int64_t a, int64_t b) { return a > b ? a - b : b - a; }

/* Roughness around a voxel, from the rows above and from those beside, in the slice or volume before. */
static int64_t activity(const int32_t *i, int64_t row, int64_t beside) {
  const int32_t *j = i + beside;
  const int64_t n = i[-row], nw = i[-row - 1], ne = i[-row + 1], nn = i[-2 * row];
  const int64_t c = j[0], cn = j[-row], cnw = j[-row - 1], cne = j[-row + 1];
  const int64_t texture = gap(n, nw) + gap(n, ne) + gap(n, nn);
  const int64_t change = gap(n - cn, nw - cnw) + gap(n - cn, ne - cne);
  return 2 * (texture + change) + gap(c, j[-1]) + gap(c, j[1]) + gap(c, j[row]) + gap(c, cn);
}

static void add_products(int64_t *sums, const int32_t *values, int64_t weight, int64_t count) {
  for (int64_t x = 0; x < count; x++) sums[x] += weight * values[x];
}

/* The part of a prediction that lies in finished rows. */
static int64_t predict(const vx_row_sums *sums, const int32_t *i, const int32_t *coefficients, int64_t half) {
  int64_t sum = half;
  for (unsigned t = 0; t < sums->taps; t++) sum += (int64_t)coefficients[VX_WEST + t] * i[sums->offsets[t]];
  return sum;
}

/* Voxels x0 to x1 of a row, which lie in one tile. */
static void sum_tile(const vx_padded *padded, const vx_predictor *by, const vx_slice *slice, int64_t unit, int64_t first, int64_t x0,
                     int64_t x1, vx_row_sums *sums) {
  const int64_t *thresholds = by->thresholds + slice->mode * (by->classes - 1);
  const int64_t half = (int64_t)1 << (by->precision - 1), weight = by->errors[slice->mode]->activity;
  for (int64_t x = x0; x < x1; x++) {
    const int32_t *i = padded->samples + first + x;
    const int64_t rough = activity(i, padded->row, slice->beside);
    int64_t of_class = 0;
    for (int64_t t = 0; t < by->classes - 1; t++) of_class += rough >= thresholds[t];
    sums->coefficients[x] = by->coefficients + (unit * by->classes + of_class) * by->stride;
    sums->predicted[x] = predict(sums, i, sums->coefficients[x], half);
    sums->expected[x] = weight * rough;
  }
  for (unsigned e = 0; e < sums->errors; e++)
    add_products(sums->expected + x0, padded->errors + first + x0 + sums->error_offsets[e], sums->error_weights[e], x1 - x0);
}

void vx_sum_row(const vx_padded *padded, const vx_predictor *by, const vx_slice *slice, int64_t y, int64_t first, vx_row_sums *sums) {
  const int64_t width = padded->width, tiles = slice->z > 0 ? by->across : 1;
  int64_t unit = slice->series * (by->down * by->across + 1);
  if (slice->z > 0) unit += 1 + y * by->down / padded->height * by->across;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const int64_t x0 = (tile * width + tiles - 1) / tiles, x1 = ((tile + 1) * width + tiles - 1) / tiles;
    sum_tile(padded, by, slice, unit + tile, first, x0, x1, sums);
  }
}
