#include "row_sums.h"

/* Largest sample with which expected errors are sure to stay in 32 bits. */
enum { HIGHEST_OF_SHORT = 1 << 20 };

/* Whether no sum of a brick can leave 32 bits. */
static int are_short(const vx_padded *padded, const vx_predictor *by) {
  const int64_t units = padded->series * (by->down * by->across + 1) * by->classes;
  int64_t largest = 0;
  for (int64_t u = 0; u < units; u++) {
    int64_t weight = 0;
    for (unsigned t = VX_WEST; t < by->stride; t++) weight += vx_magnitude(by->coefficients[u * by->stride + t]);
    largest = vx_max(largest, weight);
  }
  return padded->highest <= HIGHEST_OF_SHORT && largest * padded->highest + ((int64_t)1 << by->precision) < (int64_t)1 << 31;
}

voxz_status vx_new_row_sums(vx_task *task, const vx_padded *padded, const vx_predictor *by, vx_row_sums *made) {
  VX_NEW(task, made->predicted, padded->width);
  VX_NEW(task, made->expected, padded->width);
  VX_NEW(task, made->coefficients, padded->width);
  VX_NEW(task, made->rough, padded->width);
  VX_NEW(task, made->grouped, by->down * by->across * by->classes * VX_GROUP * VX_MOST_TAPS);
  made->short_sums = are_short(padded, by);
  return VOXZ_OK;
}

static int64_t first_unit(const vx_predictor *by, const vx_slice *slice) {
  return slice->series * (by->down * by->across + 1) + (slice->z > 0);
}

/* Taps in groups of places side by side: `place[t]` is that of tap t among the grouped coefficients. */
static void group_taps(const int64_t *offsets, unsigned taps, vx_row_sums *sums, unsigned *place) {
  unsigned filled = VX_GROUP;
  sums->groups = 0;
  for (unsigned t = 0; t < taps; t++, filled++) {
    if (filled == VX_GROUP || offsets[t] != offsets[t - 1] + 1) {
      sums->offsets[sums->groups++] = offsets[t];
      filled = 0;
    }
    place[t] = (sums->groups - 1) * VX_GROUP + filled;
  }
}

static void group_coefficients(const vx_predictor *by, const vx_slice *slice, unsigned taps, const unsigned *place, vx_row_sums *sums) {
  const size_t length = (size_t)sums->groups * VX_GROUP;
  const int64_t predictors = (slice->z > 0 ? by->down * by->across : 1) * by->classes;
  const int32_t *from = by->coefficients + first_unit(by, slice) * by->classes * by->stride + VX_WEST;
  memset(sums->grouped, 0, (size_t)predictors * length * sizeof *sums->grouped);
  for (int64_t p = 0; p < predictors; p++)
    for (unsigned t = 0; t < taps; t++) sums->grouped[(size_t)p * length + place[t]] = from[p * by->stride + t];
}

void vx_sums_enter(const vx_padded *padded, const vx_predictor *by, unsigned settings, const vx_slice *slice, vx_row_sums *sums) {
  const vx_errors *errors = by->errors[slice->mode];
  vx_tap taps[VX_MOST_TAPS];
  int64_t offsets[VX_MOST_TAPS];
  unsigned place[VX_MOST_TAPS];
  const unsigned count = vx_list_taps(vx_forward_taps(settings, slice->mode), taps);
  for (unsigned t = 0; t < count; t++) offsets[t] = vx_offset(padded, slice->series, taps[t]);
  group_taps(offsets, count, sums, place);
  group_coefficients(by, slice, count, place, sums);
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

static int32_t short_gap(int32_t a, int32_t b) { return a > b ? a - b : b - a; }

/* The same in 32 bits, for a run of voxels. */
static void short_activities(const int32_t *i, int64_t row, int64_t beside, int64_t count, int32_t *restrict found) {
  const int32_t *j = i + beside;
  for (int64_t x = 0; x < count; x++, i++, j++) {
    const int32_t n = i[-row], nw = i[-row - 1], ne = i[-row + 1], nn = i[-2 * row];
    const int32_t c = j[0], cn = j[-row], cnw = j[-row - 1], cne = j[-row + 1];
    const int32_t texture = short_gap(n, nw) + short_gap(n, ne) + short_gap(n, nn);
    const int32_t change = short_gap(n - cn, nw - cnw) + short_gap(n - cn, ne - cne);
    found[x] = 2 * (texture + change) + short_gap(c, j[-1]) + short_gap(c, j[1]) + short_gap(c, j[row]) + short_gap(c, cn);
  }
}

static void add_products(int64_t *sums, const int32_t *values, int64_t weight, int64_t count) {
  for (int64_t x = 0; x < count; x++) sums[x] += weight * values[x];
}

static void add_short_products(int32_t *restrict sums, const int32_t *values, int32_t weight, int64_t count) {
  for (int64_t x = 0; x < count; x++) sums[x] += weight * values[x];
}

/* The part of a prediction that lies in finished rows. */
static int64_t predict(const vx_row_sums *sums, const int32_t *i, const int32_t *grouped, int64_t half) {
  int64_t sum = half;
  for (unsigned g = 0; g < sums->groups; g++) {
    const int32_t *values = i + sums->offsets[g], *weights = grouped + g * VX_GROUP;
    for (unsigned k = 0; k < VX_GROUP; k++) sum += (int64_t)weights[k] * values[k];
  }
  return sum;
}

/* The same in 32 bits: the products of a group are one vector. */
static int64_t predict_short(const vx_row_sums *sums, const int32_t *i, const int32_t *grouped, int64_t half) {
  int32_t sum[VX_GROUP] = {0};
  for (unsigned g = 0; g < sums->groups; g++) {
    const int32_t *values = i + sums->offsets[g], *weights = grouped + g * VX_GROUP;
    for (unsigned k = 0; k < VX_GROUP; k++) sum[k] += weights[k] * values[k];
  }
  return half + ((int64_t)sum[0] + sum[1]) + ((int64_t)sum[2] + sum[3]);
}

/* What finished rows tell of errors: activity, and errors around. */
static void expect(const vx_padded *padded, const vx_slice *slice, int64_t weight, int64_t first, int64_t x0, int64_t x1, vx_row_sums *sums) {
  const int64_t count = x1 - x0;
  const int32_t *errors = padded->errors + first + x0;
  if (sums->short_sums) {
    int32_t *expected = sums->rough + x0;
    for (int64_t x = 0; x < count; x++) expected[x] *= (int32_t)weight;
    for (unsigned e = 0; e < sums->errors; e++) add_short_products(expected, errors + sums->error_offsets[e], sums->error_weights[e], count);
    for (int64_t x = x0; x < x1; x++) sums->expected[x] = sums->rough[x];
  } else {
    for (int64_t x = x0; x < x1; x++) sums->expected[x] = weight * activity(padded->samples + first + x, padded->row, slice->beside);
    for (unsigned e = 0; e < sums->errors; e++) add_products(sums->expected + x0, errors + sums->error_offsets[e], sums->error_weights[e], count);
  }
}

/* Voxels x0 to x1 of a row, which lie in one tile: number `tile` of the slice. */
static void sum_tile(const vx_padded *padded, const vx_predictor *by, const vx_slice *slice, int64_t tile, int64_t first, int64_t x0,
                     int64_t x1, vx_row_sums *sums) {
  const int64_t *thresholds = by->thresholds + slice->mode * (by->classes - 1);
  const int64_t half = (int64_t)1 << (by->precision - 1), unit = first_unit(by, slice) + tile;
  const int32_t *at = padded->samples + first;
  if (sums->short_sums) short_activities(at + x0, padded->row, slice->beside, x1 - x0, sums->rough + x0);
  for (int64_t x = x0; x < x1; x++) {
    const int64_t rough = sums->short_sums ? sums->rough[x] : activity(at + x, padded->row, slice->beside);
    int64_t of_class = 0;
    for (int64_t t = 0; t < by->classes - 1; t++) of_class += rough >= thresholds[t];
    const int32_t *grouped = sums->grouped + (tile * by->classes + of_class) * (int64_t)sums->groups * VX_GROUP;
    sums->coefficients[x] = by->coefficients + (unit * by->classes + of_class) * by->stride;
    sums->predicted[x] = sums->short_sums ? predict_short(sums, at + x, grouped, half) : predict(sums, at + x, grouped, half);
  }
  expect(padded, slice, by->errors[slice->mode]->activity, first, x0, x1, sums);
}

void vx_sum_row(const vx_padded *padded, const vx_predictor *by, const vx_slice *slice, int64_t y, int64_t first, vx_row_sums *sums) {
  const int64_t width = padded->width, tiles = slice->z > 0 ? by->across : 1;
  const int64_t left = slice->z > 0 ? y * by->down / padded->height * by->across : 0;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const int64_t x0 = (tile * width + tiles - 1) / tiles, x1 = ((tile + 1) * width + tiles - 1) / tiles;
    sum_tile(padded, by, slice, left + tile, first, x0, x1, sums);
  }
}
