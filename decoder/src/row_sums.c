#include "row_sums.h"

voxz_status vx_new_row_sums(vx_task *task, const vx_padded *padded, vx_row_sums *made) {
  VX_NEW(task, made->predicted, padded->width);
  VX_NEW(task, made->expected, padded->width);
  VX_NEW(task, made->coefficients, padded->width);
  VX_NEW(task, made->of_class, padded->width);
  VX_NEW(task, made->sum, padded->width);
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

/* Predictions by one class, for all voxels of a tile in the row: whole rows of products are faster than choices. */
static void predict_class(const vx_padded *padded, const vx_row_sums *sums, int64_t first, int64_t count, const int32_t *coefficients,
                          int64_t half) {
  for (int64_t x = 0; x < count; x++) sums->sum[x] = half;
  for (unsigned t = 0; t < sums->taps; t++)
    add_products(sums->sum, padded->samples + first + sums->offsets[t], coefficients[VX_WEST + t], count);
}

/* Voxels x0 to x1 of a row, which lie in one tile. */
static void sum_tile(const vx_padded *padded, const vx_predictor *by, const vx_slice *slice, int64_t unit, int64_t first, int64_t x0,
                     int64_t x1, vx_row_sums *sums) {
  const int64_t *thresholds = by->thresholds + slice->mode * (by->classes - 1);
  const int64_t half = (int64_t)1 << (by->precision - 1);
  int64_t *expected = sums->expected + x0;
  unsigned seen = 0;
  for (int64_t x = x0; x < x1; x++) {
    const int64_t rough = activity(padded->samples + first + x, padded->row, slice->beside);
    uint8_t of_class = 0;
    for (int64_t t = 0; t < by->classes - 1; t++) of_class = (uint8_t)(of_class + (rough >= thresholds[t]));
    sums->of_class[x] = of_class;
    seen |= 1u << of_class;
    sums->expected[x] = by->errors[slice->mode]->activity * rough;
  }
  for (unsigned e = 0; e < sums->errors; e++)
    add_products(expected, padded->errors + first + x0 + sums->error_offsets[e], sums->error_weights[e], x1 - x0);
  for (int64_t c = 0; c < by->classes; c++) {
    if (!(seen >> c & 1)) continue;
    const int32_t *coefficients = by->coefficients + (unit * by->classes + c) * by->stride;
    predict_class(padded, sums, first + x0, x1 - x0, coefficients, half);
    for (int64_t x = x0; x < x1; x++)
      if (sums->of_class[x] == c) {
        sums->predicted[x] = sums->sum[x - x0];
        sums->coefficients[x] = coefficients;
      }
  }
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
