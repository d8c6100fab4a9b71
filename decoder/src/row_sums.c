#include "row_sums.h"

#include "pairs.h"

/* Whether samples up to 2 * VX_CENTRE - 1, less the centre, times the coefficients of any predictor sum up to 32 bits. */
static int are_short(const vx_padded *padded, const vx_predictor *by) {
  const int64_t predictors = padded->series * (by->down * by->across + 1) * by->classes;
  for (int64_t p = 0; p < predictors; p++) {
    int64_t sum = 0, largest = 0;
    for (unsigned t = VX_WEST; t < by->stride; t++) {
      const int64_t size = vx_magnitude(by->coefficients[p * by->stride + t]);
      sum += size;
      largest = vx_max(largest, size);
    }
    if (sum >= 2 * VX_CENTRE || largest >= VX_CENTRE) return 0;
  }
  return padded->highest < 2 * VX_CENTRE;
}

voxz_status vx_choose_sums(vx_task *task, vx_padded *padded, const vx_predictor *by) {
  return are_short(padded, by) ? vx_keep_shorts(task, padded) : VOXZ_OK;
}

voxz_status vx_new_row_sums(vx_task *task, const vx_padded *padded, const vx_predictor *by, vx_row_sums *made) {
  const int64_t predictors = by->down * by->across * by->classes;
  VX_NEW(task, made->predicted, padded->width + 1);
  VX_NEW(task, made->expected, padded->width);
  VX_NEW(task, made->coefficients, padded->width);
  if (!padded->shorts) return VOXZ_OK;
  VX_NEW(task, made->rough, padded->width);
  VX_NEW(task, made->classes, padded->width + 1);
  VX_NEW(task, made->weights, predictors * VX_GROUP * VX_MOST_TAPS);
  VX_NEW(task, made->begun, predictors);
  return VOXZ_OK;
}

static int64_t first_unit(const vx_predictor *by, const vx_slice *slice) {
  return slice->series * (by->down * by->across + 1) + (slice->z > 0);
}

/* Neighbours in fours: `place[t]` is that of tap t among the weights. */
static void group_taps(vx_row_sums *sums, unsigned *place) {
  unsigned fours = 0, filled = VX_FOUR;
  for (unsigned t = 0; t < sums->taps; t++, filled++) {
    if (filled == VX_FOUR || sums->offsets[t] != sums->offsets[t - 1] + 1) {
      sums->fours[fours++] = sums->offsets[t];
      filled = 0;
    }
    place[t] = (fours - 1) * VX_FOUR + filled;
  }
  if (fours % 2) sums->fours[fours++] = 0;
  sums->groups = fours / 2;
}

static void group_weights(const vx_predictor *by, const vx_slice *slice, const unsigned *place, vx_row_sums *sums) {
  const size_t length = (size_t)sums->groups * VX_GROUP;
  const int64_t predictors = (slice->z > 0 ? by->down * by->across : 1) * by->classes;
  const int32_t *from = by->coefficients + first_unit(by, slice) * by->classes * by->stride + VX_WEST;
  memset(sums->weights, 0, (size_t)predictors * length * sizeof *sums->weights);
  for (int64_t p = 0; p < predictors; p++, from += by->stride) {
    sums->begun[p] = (int64_t)1 << (by->precision - 1);
    for (unsigned t = 0; t < sums->taps; t++) {
      sums->weights[(size_t)p * length + place[t]] = (int16_t)from[t];
      sums->begun[p] += (int64_t)from[t] * VX_CENTRE;
    }
  }
}

void vx_sums_enter(const vx_padded *padded, const vx_predictor *by, unsigned settings, const vx_slice *slice, vx_row_sums *sums) {
  const vx_errors *errors = by->errors[slice->mode];
  vx_tap taps[VX_MOST_TAPS];
  unsigned place[VX_MOST_TAPS];
  sums->taps = vx_list_taps(vx_forward_taps(settings, slice->mode), taps);
  for (unsigned t = 0; t < sums->taps; t++) sums->offsets[t] = vx_offset(padded, slice->series, taps[t]);
  if (padded->shorts) {
    group_taps(sums, place);
    group_weights(by, slice, place, sums);
  }
  sums->errors = 0;
  for (unsigned r = 0; r < errors->rows; r++)
    for (int i = 0; i < errors->row[r].count; i++) {
      const vx_error_row *row = &errors->row[r];
      const vx_tap tap = {row->volume, row->dz, row->dy, row->first + i};
      sums->error_offsets[sums->errors] = vx_offset(padded, slice->series, tap);
      sums->error_weights[sums->errors++] = row->weight[i];
    }
  for (unsigned e = sums->errors; e % 4 > 0; e++) sums->error_offsets[e] = sums->error_weights[e] = 0;
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

static int64_t total_of(vx_pairs pairs) {
  int32_t sum[4];
  vx_put_pairs(sum, pairs);
  return ((int64_t)sum[0] + sum[1]) + ((int64_t)sum[2] + sum[3]);
}

/* What finished rows tell of the predictions of two voxels side by side, by the weights of their classes. */
static inline void predict_short(const vx_row_sums *sums, const int16_t *i, const int16_t *weights, const int16_t *next_weights, int64_t found[2]) {
  vx_pairs pairs = vx_no_pairs(), next = vx_no_pairs();
  for (unsigned g = 0; g < sums->groups; g++) {
    const int16_t *first = i + sums->fours[2 * g], *second = i + sums->fours[2 * g + 1];
    pairs = vx_add_pairs(pairs, first, second, weights + g * VX_GROUP);
    next = vx_add_pairs(next, first + 1, second + 1, next_weights + g * VX_GROUP);
  }
  found[0] = total_of(pairs);
  found[1] = total_of(next);
}

/* Add the products of four errors around each voxel and their weights. */
static void add_errors(int32_t *restrict sums, const int32_t *errors, const int64_t offsets[4], const int32_t weights[4], int64_t count) {
  const int32_t *a = errors + offsets[0], *b = errors + offsets[1], *c = errors + offsets[2], *d = errors + offsets[3];
  const int32_t wa = weights[0], wb = weights[1], wc = weights[2], wd = weights[3];
  for (int64_t x = 0; x < count; x++) sums[x] += (wa * a[x] + wb * b[x]) + (wc * c[x] + wd * d[x]);
}

/* Voxels x0 to x1 of a row, which lie in one tile: number `tile` of the slice. */
static void sum_short(const vx_padded *padded, const vx_predictor *by, const vx_slice *slice, int64_t tile, int64_t first, int64_t x0,
                      int64_t x1, vx_row_sums *sums) {
  const int64_t *thresholds = by->thresholds + slice->mode * (by->classes - 1), count = x1 - x0;
  const int32_t *errors = padded->errors + first + x0, *own = by->coefficients + (first_unit(by, slice) + tile) * by->classes * by->stride;
  const size_t length = (size_t)sums->groups * VX_GROUP;
  const int16_t *weights = sums->weights + (size_t)(tile * by->classes) * length;
  const int64_t *begun = sums->begun + tile * by->classes;
  int32_t *restrict rough = sums->rough + x0, *restrict classes = sums->classes + x0;
  short_activities(padded->samples + first + x0, padded->row, slice->beside, count, rough);
  memset(classes, 0, (size_t)count * sizeof *classes);
  for (int64_t t = 0; t < by->classes - 1; t++) {
    const int32_t threshold = (int32_t)vx_clamp(thresholds[t], 0, INT32_MAX);
    for (int64_t x = 0; x < count; x++) classes[x] += rough[x] >= threshold;
  }
  for (int64_t x = 0; x < count; x++) {
    sums->coefficients[x0 + x] = own + classes[x] * (int64_t)by->stride;
    sums->predicted[x0 + x] = begun[classes[x]];
  }
  for (int64_t x = 0; x < count; x += 2) {
    int64_t found[2];
    predict_short(sums, padded->shorts + first + x0 + x, weights + (size_t)classes[x] * length, weights + (size_t)classes[x + 1] * length, found);
    sums->predicted[x0 + x] += found[0];
    sums->predicted[x0 + x + 1] += found[1];
  }
  for (int64_t x = 0; x < count; x++) rough[x] *= by->errors[slice->mode]->activity;
  for (unsigned e = 0; e < sums->errors; e += 4) add_errors(rough, errors, sums->error_offsets + e, sums->error_weights + e, count);
  for (int64_t x = 0; x < count; x++) sums->expected[x0 + x] = rough[x];
}

/* The same for any samples and coefficients. */
static void sum_long(const vx_padded *padded, const vx_predictor *by, const vx_slice *slice, int64_t tile, int64_t first, int64_t x0,
                     int64_t x1, vx_row_sums *sums) {
  const int64_t *thresholds = by->thresholds + slice->mode * (by->classes - 1);
  const int32_t *own = by->coefficients + (first_unit(by, slice) + tile) * by->classes * by->stride;
  for (int64_t x = x0; x < x1; x++) {
    const int32_t *samples = padded->samples + first + x, *errors = padded->errors + first + x;
    const int64_t rough = activity(samples, padded->row, slice->beside);
    int64_t of_class = 0, predicted = (int64_t)1 << (by->precision - 1), expected = rough * by->errors[slice->mode]->activity;
    for (int64_t t = 0; t < by->classes - 1; t++) of_class += rough >= thresholds[t];
    const int32_t *coefficients = own + of_class * by->stride;
    for (unsigned t = 0; t < sums->taps; t++) predicted += (int64_t)coefficients[VX_WEST + t] * samples[sums->offsets[t]];
    for (unsigned e = 0; e < sums->errors; e++) expected += (int64_t)sums->error_weights[e] * errors[sums->error_offsets[e]];
    sums->coefficients[x] = coefficients;
    sums->predicted[x] = predicted;
    sums->expected[x] = expected;
  }
}

void vx_sum_row(const vx_padded *padded, const vx_predictor *by, const vx_slice *slice, int64_t y, int64_t first, vx_row_sums *sums) {
  const int64_t width = padded->width, tiles = slice->z > 0 ? by->across : 1;
  const int64_t left = slice->z > 0 ? y * by->down / padded->height * by->across : 0;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const int64_t x0 = (tile * width + tiles - 1) / tiles, x1 = ((tile + 1) * width + tiles - 1) / tiles;
    (padded->shorts ? sum_short : sum_long)(padded, by, slice, left + tile, first, x0, x1, sums);
  }
}
