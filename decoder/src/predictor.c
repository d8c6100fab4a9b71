#include "predictor.h"

enum { MODES = VX_MODES, LARGEST_COEFFICIENT = 1 << 24, AHEAD_SETTINGS = 1 };

#include "predictive_tables.inc"

static const vx_taps *const SUPPORTS[VX_SETTINGS + 1] = {NULL, NARROW, MIDDLE, MIDDLE, WIDE, WIDEST};
static const uint8_t CLASSES[VX_SETTINGS + 1] = {0, 2, 2, 4, 4, 4};

static unsigned forward(unsigned settings) { return settings < VX_SETTINGS ? settings : VX_SETTINGS; }

const vx_taps *vx_forward_taps(unsigned settings, unsigned mode) { return &SUPPORTS[forward(settings)][mode]; }

const vx_taps *vx_local_taps(unsigned settings, unsigned mode) { return settings < 9 ? &MIDDLE[mode] : &LOCAL[mode]; }

const vx_errors *vx_error_taps(unsigned settings, unsigned mode) {
  return settings == AHEAD_SETTINGS ? &AHEAD[mode] : &WHOLE[mode];
}

unsigned vx_list_taps(const vx_taps *of, vx_tap *taps) {
  unsigned count = 0;
  for (unsigned r = 0; r < of->rows; r++) {
    const vx_tap_row *row = &of->row[r];
    for (int dx = row->first; dx <= row->last; dx++) taps[count++] = (vx_tap){row->volume, row->dz, row->dy, dx};
  }
  return count;
}

voxz_status vx_read_references(vx_task *task, vx_side *side, vx_padded *padded) {
  const int64_t series = padded->series;
  int64_t *back;
  VX_TRY(vx_integers(task, side, 2 * (uint64_t)(series - 1), NULL, 0, &back));
  VX_NEW(task, padded->references, 2 * series);
  for (int64_t s = 1; s < series; s++)
    for (int64_t i = 0; i < 2; i++) {
      const int64_t far = back[2 * (s - 1) + i];
      VX_CHECK(task, far >= 1 && far <= s, "a volume refers to one that is not coded before it");
      padded->references[2 * s + i] = s - far;
    }
  return VOXZ_OK;
}

/* Mode of a unit: the first slice of a volume is one, its tiles in the other slices are others. */
static unsigned mode_of(uint64_t unit, uint64_t per_volume) { return (unit % per_volume > 0) + 2u * (unit >= per_volume); }

/* Columns of all differences that are sent: `kept` says which units and classes have their own. */
static voxz_status list_columns(vx_task *task, const vx_side *side, const vx_predictor *of, uint64_t units, const int64_t *kept,
                                uint32_t **columns, uint64_t *count) {
  const uint64_t per_volume = 1 + (uint64_t)(of->down * of->across);
  *count = 0;
  for (uint64_t u = 0; u < units; u++)
    for (int64_t c = 0; c < of->classes; c++)
      if (kept[u * (uint64_t)of->classes + (uint64_t)c]) *count += VX_WEST - 1 + of->taps[mode_of(u, per_volume)];
  VX_CHECK(task, *count <= 8 * (uint64_t)vx_bytes_left(&side->bytes), "there are fewer coefficients than were announced");
  VX_NEW(task, *columns, *count);
  uint64_t at = 0;
  for (uint64_t u = 0; u < units; u++)
    for (int64_t c = 0; c < of->classes; c++)
      if (kept[u * (uint64_t)of->classes + (uint64_t)c])
        for (uint32_t tap = 1; tap < VX_WEST + of->taps[mode_of(u, per_volume)]; tap++) (*columns)[at++] = tap;
  return VOXZ_OK;
}

/* Unit that coefficients are sent as differences to: in later volumes the same of the volume before, else the tile to the left, or
   above; -1 for none. */
static int64_t parent_of(const vx_predictor *of, int64_t unit) {
  const int64_t per_volume = 1 + of->down * of->across, within = unit % per_volume;
  if (unit >= 2 * per_volume) return unit - per_volume;
  if (within == 0) return -1;
  if ((within - 1) % of->across > 0) return unit - 1;
  return within - 1 >= of->across ? unit - of->across : -1;
}

/* Coefficients of a unit and class; west 1 makes their sum one. */
static voxz_status add_differences(vx_task *task, const vx_predictor *of, const int32_t *parent, const int64_t *differences, unsigned sent,
                                   int32_t *own) {
  int64_t sum = 0;
  for (unsigned tap = 1; tap < of->stride; tap++) {
    const int64_t value = (parent ? parent[tap] : 0) + (differences && tap <= sent ? differences[tap - 1] : 0);
    VX_CHECK(task, vx_magnitude(value) < LARGEST_COEFFICIENT, "a prediction coefficient is out of bounds");
    own[tap] = (int32_t)value;
    sum += value;
  }
  const int64_t west = ((int64_t)1 << of->precision) - sum;
  VX_CHECK(task, vx_magnitude(west) < LARGEST_COEFFICIENT, "a prediction coefficient is out of bounds");
  own[0] = (int32_t)west;
  return VOXZ_OK;
}

static voxz_status read_coefficients(vx_task *task, vx_side *side, int64_t series, vx_predictor *made) {
  const uint64_t per_volume = 1 + (uint64_t)(made->down * made->across), units = (uint64_t)series * per_volume;
  const uint64_t classes = (uint64_t)made->classes;
  int64_t *kept, *differences;
  uint32_t *columns;
  uint64_t count, at = 0;
  VX_TRY(vx_integers(task, side, units * classes, NULL, 0, &kept));
  VX_TRY(list_columns(task, side, made, units, kept, &columns, &count));
  VX_TRY(vx_integers(task, side, count, columns, VX_WEST + VX_MOST_TAPS, &differences));
  VX_NEW(task, made->coefficients, units * classes * made->stride);
  for (uint64_t u = 0; u < units; u++) {
    const int64_t parent = parent_of(made, (int64_t)u);
    const unsigned sent = VX_WEST - 1 + made->taps[mode_of(u, per_volume)];
    for (uint64_t c = 0; c < classes; c++) {
      const int32_t *above = parent < 0 ? NULL : made->coefficients + ((uint64_t)parent * classes + c) * made->stride;
      int32_t *own = made->coefficients + (u * classes + c) * made->stride;
      const int own_differences = kept[u * classes + c] != 0;
      VX_TRY(add_differences(task, made, above, own_differences ? differences + at : NULL, sent, own));
      at += own_differences ? sent : 0;
    }
  }
  return VOXZ_OK;
}

voxz_status vx_read_predictor(vx_task *task, vx_side *side, unsigned settings, vx_padded *padded, vx_predictor *made) {
  int64_t front[3];
  vx_tap taps[VX_MOST_TAPS];
  VX_TRY(vx_few_integers(task, side, 3, front));
  made->down = front[0];
  made->across = front[1];
  made->precision = front[2];
  const int bounded = made->down >= 1 && made->across >= 1 && made->down <= VX_MOST_TILES && made->across <= VX_MOST_TILES;
  VX_CHECK(task, bounded && made->down * made->across <= VX_MOST_TILES && made->precision >= 6 && made->precision <= 16,
           "a predictor is out of bounds");
  VX_TRY(vx_read_references(task, side, padded));
  made->classes = CLASSES[forward(settings)];
  made->ahead = settings == AHEAD_SETTINGS;
  made->stride = VX_WEST;
  for (unsigned mode = 0; mode < MODES; mode++) {
    made->errors[mode] = vx_error_taps(settings, mode);
    made->taps[mode] = vx_list_taps(vx_forward_taps(settings, mode), taps);
    if (VX_WEST + made->taps[mode] > made->stride) made->stride = VX_WEST + made->taps[mode];
  }
  VX_TRY(vx_integers(task, side, MODES * (uint64_t)(made->classes - 1), NULL, 0, &made->thresholds));
  return read_coefficients(task, side, padded->series, made);
}
