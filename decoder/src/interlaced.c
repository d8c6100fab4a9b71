#include "interlaced.h"

#include "interlaced_rows.h"
#include "interlaced_tokens.h"
#include "predictor.h"

enum { RANKS = 3, MOST = 24, AROUND = 8, PRECISION = 10, HALF = 1 << (PRECISION - 1), MOST_GAIN = 28 << PRECISION };
enum { LARGEST_VALUE = (1 << 16) - 1, NARROWEST = 16, SMALLEST_TILE = 1 << 12, LARGEST_ERROR = 1480, LARGEST_ERROR_SHIFT = 26 };
enum { CONTEXT_SHIFT = 3, FEWEST_WORDS = 8 * VX_STATES };

typedef struct place {
  int8_t volume, dz, dy, dx;
} place;

typedef struct taps {
  unsigned count;
  place tap[MOST];
} taps;

typedef struct error {
  place from;
  int8_t weight;
} error;

#include "interlaced_tables.inc"

static const uint8_t ORDER[2][VX_MOST_PHASES] = {{0, 1}, {0, 2, 1, 3}}, RANK[2][VX_MOST_PHASES] = {{0, 2}, {0, 1, 2, 2}};

/* Offsets from the first place of a row to what a phase takes, in a slice. */
typedef struct offsets {
  int64_t taps[MOST], errors[AROUND];
} offsets;

typedef struct walk {
  vx_rows rows;
  offsets offsets[VX_MOST_PHASES]; /* in coding order */
  const uint8_t *order, *rank;
  int64_t down, across, units, lowest, highest;
  unsigned error_shift;
  const int64_t *references;
  int16_t *coefficients; /* (ranks, units, taps) */
  vx_token_tables *tables;
  vx_token_source from;
  /* of a phase of a row */
  uint16_t *contexts;
  uint8_t *tokens;
  int32_t *residuals, *predictions;
  int32_t *dense; /* a row of samples */
} walk;

static int has_rank(const walk *on, unsigned rank) { return rank != 1 || on->rows.phases == 4; }

static unsigned mode_of(const walk *on, int64_t unit) {
  const int64_t per_volume = 1 + on->down * on->across;
  return (unit % per_volume > 0) + 2u * (unit >= per_volume);
}

/* Units and parents are those of settings 1 to 5. */
static int64_t parent_of(const walk *on, int64_t unit) {
  const int64_t per_volume = 1 + on->down * on->across, tile = unit % per_volume - 1;
  if (unit >= 2 * per_volume) return unit - per_volume;
  if (tile <= 0) return -1;
  return tile % on->across > 0 ? unit - 1 : unit - on->across;
}

static int16_t *coefficients_of(const walk *on, unsigned rank, int64_t unit) {
  return on->coefficients + ((int64_t)rank * on->units + unit) * MOST;
}

/* Those of a unit: its parent's and what is sent; the first makes their sum one. */
static voxz_status set_coefficients(vx_task *task, const walk *on, unsigned rank, int64_t unit, const int64_t *differences, unsigned sent) {
  const int64_t parent = parent_of(on, unit);
  const int16_t *start = parent < 0 ? NULL : coefficients_of(on, rank, parent);
  int16_t *own = coefficients_of(on, rank, unit);
  int64_t rest = 1 << PRECISION, magnitude = 0;
  for (unsigned tap = 1; tap < MOST; tap++) {
    const int64_t value = (start ? start[tap] : 0) + (tap <= sent ? differences[tap - 1] : 0);
    rest -= value;
    magnitude += vx_magnitude(value);
    VX_CHECK(task, magnitude <= MOST_GAIN, "a prediction coefficient is out of bounds");
    own[tap] = (int16_t)value;
  }
  VX_CHECK(task, magnitude + vx_magnitude(rest) <= MOST_GAIN, "a prediction coefficient is out of bounds");
  own[0] = (int16_t)rest;
  return VOXZ_OK;
}

static unsigned sent_of(const walk *on, int64_t unit, unsigned rank) { return TAPS[rank][mode_of(on, unit)].count - 1; }

static voxz_status read_differences(vx_task *task, vx_side *side, const walk *on, const int64_t *kept, int64_t **differences) {
  uint32_t *columns;
  uint64_t count = 0;
  unsigned k = 0;
  for (int64_t u = 0; u < on->units; u++)
    for (unsigned rank = 0; rank < RANKS; rank++)
      if (has_rank(on, rank)) {
        VX_CHECK(task, kept[k] == 0 || kept[k] == 1, "a flag of the predictor is out of bounds");
        if (kept[k++]) count += sent_of(on, u, rank);
      }
  VX_CHECK(task, count <= 8 * (uint64_t)vx_bytes_left(&side->bytes), "there are fewer coefficients than were announced");
  VX_NEW(task, columns, count);
  count = k = 0;
  for (int64_t u = 0; u < on->units; u++)
    for (unsigned rank = 0; rank < RANKS; rank++)
      if (has_rank(on, rank) && kept[k++])
        for (unsigned tap = 0; tap < sent_of(on, u, rank); tap++) columns[count++] = tap;
  return vx_integers(task, side, count, columns, MOST, differences);
}

static voxz_status read_coefficients(vx_task *task, vx_side *side, walk *on) {
  const unsigned ranks = on->rows.phases == 4 ? 3 : 2;
  int64_t *kept, *differences = NULL;
  VX_TRY(vx_integers(task, side, (uint64_t)on->units * ranks, NULL, 0, &kept));
  VX_TRY(read_differences(task, side, on, kept, &differences));
  VX_NEW(task, on->coefficients, RANKS * on->units * MOST);
  for (int64_t u = 0; u < on->units; u++)
    for (unsigned rank = 0; rank < RANKS; rank++) {
      if (!has_rank(on, rank)) continue;
      const unsigned sent = *kept++ ? sent_of(on, u, rank) : 0;
      VX_TRY(set_coefficients(task, on, rank, u, differences, sent));
      differences += sent;
    }
  return VOXZ_OK;
}

static voxz_status read_side(vx_task *task, vx_side *side, const vx_brick *brick, walk *on) {
  int64_t front[2], tiles[2];
  vx_padded series = {.series = (int64_t)brick->series * brick->channels};
  VX_TRY(vx_few_integers(task, side, 2, front));
  VX_CHECK(task, (front[0] == 2 || front[0] == 4) && front[1] >= 0 && front[1] <= LARGEST_ERROR_SHIFT, "the fast walk of a brick is damaged");
  VX_TRY(vx_new_rows(task, brick, front[0], &on->rows));
  on->order = ORDER[front[0] == 4];
  on->rank = RANK[front[0] == 4];
  on->error_shift = (unsigned)front[1];
  VX_TRY(vx_few_integers(task, side, 2, tiles));
  const int64_t voxels = on->rows.depth * on->rows.height * on->rows.width;
  const int64_t most = vx_max(1, vx_min(VX_MOST_TILES, voxels / SMALLEST_TILE));
  const int bounded = tiles[0] >= 1 && tiles[1] >= 1 && tiles[0] <= most && tiles[1] <= most && tiles[0] * tiles[1] <= most;
  VX_CHECK(task, bounded, "a brick has an impossible number of tiles");
  on->down = tiles[0];
  on->across = tiles[1];
  on->units = on->rows.series * (1 + on->down * on->across);
  VX_TRY(vx_read_references(task, side, &series));
  on->references = series.references;
  VX_TRY(read_coefficients(task, side, on));
  VX_NEW(task, on->tables, 1);
  VX_TRY(vx_read_token_tables(task, side, on->tables));
  return vx_side_end(task, side);
}

/* Offset from a place of a phase to a tap, in the volume that it lies in. */
static int64_t offset_of(const walk *on, int64_t s, unsigned phase, place tap) {
  const int64_t volume = tap.volume ? on->references[2 * s + tap.volume - 1] - s : 0;
  return volume * on->rows.volume + vx_row_offset(&on->rows, phase, tap.dz, tap.dy, tap.dx);
}

static void find_offsets(walk *on, int64_t s, unsigned mode) {
  for (unsigned k = 0; k < on->rows.phases; k++) {
    const taps *by = &TAPS[on->rank[k]][mode];
    for (unsigned t = 0; t < MOST; t++) on->offsets[k].taps[t] = t < by->count ? offset_of(on, s, on->order[k], by->tap[t]) : 0;
    for (unsigned e = 0; e < AROUND; e++) on->offsets[k].errors[e] = offset_of(on, s, on->order[k], ERRORS[on->rank[k]][mode][e].from);
  }
}

/* Add the products of four numbers around each voxel and their weights. */
static void add_four(int32_t *restrict sums, const int16_t *from, const int64_t offsets[4], const int16_t weights[4], int64_t count) {
  const int16_t *a = from + offsets[0], *b = from + offsets[1], *c = from + offsets[2], *d = from + offsets[3];
  const int16_t wa = weights[0], wb = weights[1], wc = weights[2], wd = weights[3];
  for (int64_t x = 0; x < count; x++) sums[x] += ((int32_t)wa * a[x] + (int32_t)wb * b[x]) + ((int32_t)wc * c[x] + (int32_t)wd * d[x]);
}

static void find_contexts(const walk *on, int64_t origin, unsigned mode, unsigned k, int64_t count) {
  const error *around = ERRORS[on->rank[k]][mode];
  int32_t *restrict sums = on->predictions;
  uint16_t *restrict contexts = on->contexts;
  int16_t weights[AROUND];
  for (unsigned e = 0; e < AROUND; e++) weights[e] = around[e].weight;
  memset(sums, 0, (size_t)count * sizeof *sums);
  for (unsigned e = 0; e < AROUND; e += 4) add_four(sums, on->rows.errors + origin, on->offsets[k].errors + e, weights + e, count);
  for (int64_t x = 0; x < count; x++) contexts[x] = (uint16_t)(sums[x] >> CONTEXT_SHIFT);
}

/* Predictions of a phase of a row, tile by tile. */
static void predict(const walk *on, int64_t origin, unsigned mode, unsigned k, int64_t unit, int64_t tiles, int64_t count) {
  const unsigned rank = on->rank[k], taps = TAPS[rank][mode].count;
  for (int64_t tile = 0; tile < tiles; tile++) {
    const int64_t x0 = (tile * on->rows.columns + tiles - 1) / tiles, x1 = vx_min(count, ((tile + 1) * on->rows.columns + tiles - 1) / tiles);
    const int16_t *coefficients = coefficients_of(on, rank, unit + tile);
    int32_t *predictions = on->predictions;
    for (int64_t x = x0; x < x1; x++) predictions[x] = HALF;
    for (unsigned t = 0; t < taps; t += 4)
      add_four(predictions + x0, on->rows.samples + origin + x0, on->offsets[k].taps + t, coefficients + t, x1 - x0);
  }
}

static void rebuild(const walk *on, int64_t first, int64_t count) {
  const int32_t lowest = (int32_t)on->lowest, highest = (int32_t)on->highest, centre = 1 << 15; /* keeps what is shifted above 0 */
  const int32_t low = lowest * (1 << PRECISION) + HALF, high = highest * (1 << PRECISION) + HALF, *residuals = on->residuals, *sums = on->predictions;
  const unsigned shift = on->error_shift;
  int16_t *restrict samples = on->rows.samples + first, *restrict errors = on->rows.errors + first;
  for (int64_t x = 0; x < count; x++) {
    const int32_t prediction = sums[x] < low ? low : sums[x] > high ? high : sums[x];
    const int32_t found = ((prediction + (centre << PRECISION)) >> PRECISION) - centre + residuals[x];
    const int32_t sample = found < lowest ? lowest : found > highest ? highest : found;
    const int32_t off = sample * (1 << PRECISION) - prediction + HALF, away = (off < 0 ? -off : off) >> shift;
    samples[x] = (int16_t)sample;
    errors[x] = (int16_t)(away < LARGEST_ERROR ? away : LARGEST_ERROR);
  }
}

static voxz_status walk_row(vx_task *task, walk *on, int64_t s, int64_t z, int64_t y) {
  const unsigned mode = (z > 0) + 2u * (s > 0);
  const int64_t origin = vx_row_place(&on->rows, s, z, y), tiles = z > 0 ? on->across : 1;
  int64_t unit = s * (1 + on->down * on->across);
  if (z > 0) unit += 1 + y * on->down / on->rows.height * on->across;
  for (unsigned k = 0; k < on->rows.phases; k++) {
    const unsigned phase = on->order[k];
    const int64_t count = vx_columns_of(&on->rows, phase);
    find_contexts(on, origin, mode, k, count);
    vx_phase_residuals(&on->from, on->tables, on->contexts, count, on->tokens, on->residuals);
    VX_CHECK(task, !on->from.overrun, "the entropy-coded residuals of a brick end early");
    predict(on, origin, mode, k, unit, tiles, count);
    rebuild(on, origin + phase * on->rows.stride, count);
    vx_rows_close_phase(&on->rows, origin, phase);
  }
  return VOXZ_OK;
}

static voxz_status walk_all(vx_task *task, walk *on) {
  const vx_rows *rows = &on->rows;
  for (int64_t s = 0; s < rows->series; s++)
    for (int64_t z = 0; z < rows->depth; z++) {
      const int64_t start = s * rows->volume + z * rows->slice;
      find_offsets(on, s, (z > 0) + 2u * (s > 0));
      if (z > 0) vx_rows_open(rows, start, start - rows->slice);
      if (z == 0 && s > 0) vx_rows_open(rows, start, on->references[2 * s] * rows->volume);
      for (int64_t y = 0; y < rows->height; y++) VX_TRY(walk_row(task, on, s, z, y));
      vx_rows_close(rows, start);
    }
  VX_CHECK(task, vx_tokens_end(&on->from), "the entropy-coded residuals of a brick are damaged");
  return VOXZ_OK;
}

/* Dense values in rows again. */
static void store_rows(const walk *on, const vx_store *store) {
  const vx_rows *rows = &on->rows;
  const int64_t slices = rows->series * rows->depth, phases = rows->phases;
  for (int64_t row = 0; row < slices * rows->height; row++) {
    const int64_t slice = row / rows->height;
    const int16_t *from = rows->samples + vx_row_place(rows, slice / rows->depth, slice % rows->depth, row % rows->height);
    for (int64_t phase = 0; phase < phases; phase++, from += rows->stride)
      for (int64_t x = phase, i = 0; x < rows->width; x += phases, i++) on->dense[x] = (int32_t)(from[i] - on->lowest);
    vx_store_row(store, row, on->dense);
  }
}

voxz_status vx_decode_interlaced(vx_task *task, vx_side *side, const vx_values *values, const uint8_t *words, size_t words_length,
                                 vx_bytes raw, const vx_brick *brick, void *samples) {
  walk on = {0};
  vx_store store;
  const int64_t centre = values->highest > INT16_MAX ? (int64_t)INT16_MAX + 1 : 0;
  VX_CHECK(task, values->highest <= LARGEST_VALUE && brick->x >= NARROWEST, "the fast walk cannot have coded such a brick");
  VX_TRY(read_side(task, side, brick, &on));
  VX_CHECK(task, words_length >= FEWEST_WORDS && words_length % 4 == 0, "the words of a brick do not have their states");
  on.lowest = -centre;
  on.highest = values->highest - centre;
  VX_TRY(vx_start_store(task, values, brick, samples, &store));
  VX_NEW(task, on.dense, on.rows.width);
  VX_NEW(task, on.contexts, on.rows.columns);
  VX_NEW(task, on.tokens, on.rows.columns);
  VX_NEW(task, on.residuals, on.rows.columns);
  VX_NEW(task, on.predictions, on.rows.columns);
  vx_start_tokens(&on.from, words, words_length, raw);
  VX_TRY(walk_all(task, &on));
  store_rows(&on, &store);
  return VOXZ_OK;
}
