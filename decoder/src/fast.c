#include "fast.h"

#include "band.h"
#include "interlaced_tokens.h"

enum {
  MOST = 127,                               /* magnitudes and signed ones count as at most this */
  NEAR = 7, EXPECTING = 9, LEANING = 7,     /* features in the band; weights of magnitudes and of signs */
  BINS = 43, AN_OCTAVE = 3, MOST_SHIFT = 18, MAGNITUDES = BINS + AN_OCTAVE * MOST_SHIFT, SIGNS = 16, MIDDLE = 9,
  BINNED = 1 << 15,                         /* numbers that have bins */
  DIRECT = 64, TOKENS = DIRECT + 4 * 18,
  LARGEST_WEIGHTS = 256, LARGEST_CONSTANT = 255,
  EMPTY = 0, OWN = 2, BESIDE = 1
};

static const int64_t EXPECTED[2][EXPECTING] = {{24, 8, 4, 20, 4, 4, 0, 20, 6}, {12, 4, 2, 12, 2, 2, 18, 16, 6}};
static const int64_t TIMES[EXPECTING] = {1, 2, 1, 1, 2, 2, 2, 1, 0};

/* Weights of an orientation, of even columns and of odd ones. */
typedef struct weights {
  int64_t expecting[2][EXPECTING], leaning[2][LEANING];
} weights;

typedef struct decoding {
  const vx_pyramid *pyramid;
  size_t places;
  double *values;
  int8_t *known; /* (components, z, y, x): counted magnitudes with signs */
  vx_side side;
  vx_token_tables tables;
  vx_token_source tokens;
  vx_trellis trellis;
  unsigned quantisers;
  weights last[8];
  uint8_t bins[BINNED];
} decoding;

/* A band while it is decoded, and room for a row. Two slices of rows are kept, with margins. */
typedef struct walk {
  const vx_band *band, *parent;
  weights weights;
  unsigned shift;
  int64_t shifts[2][2];
  float unit;
  size_t pitch;
  int8_t *rows;
  uint8_t *state; /* of the trellis of each column */
  int32_t *expected;
  uint16_t *contexts;
  uint8_t *found, *leans_down;
  uint32_t *columns; /* of coefficients that are not 0 */
} walk;

/* Rows around the one that is decoded, behind their margin. */
typedef struct around {
  int8_t *row;
  const int8_t *up, *top, *back, *above, *below;
} around;

static voxz_status read_ranges(vx_task *task, decoding *it, unsigned *count) {
  int64_t number, *firsts, first = 0;
  VX_TRY(vx_few_integers(task, &it->side, 1, &number));
  VX_CHECK(task, number >= 1 && number <= MAGNITUDES, "a brick has an impossible number of ranges of contexts");
  VX_TRY(vx_integers(task, &it->side, (uint64_t)number - 1, NULL, 0, &firsts));
  for (int64_t i = 0; i < number; i++) {
    VX_CHECK(task, i == 0 || (firsts[i - 1] > 0 && firsts[i - 1] < MAGNITUDES - first), "the ranges of contexts are out of order");
    first += i ? firsts[i - 1] : 0;
    for (int64_t context = first; context < MAGNITUDES; context++)
      for (unsigned q = 0; q < it->quantisers; q++)
        it->tables.table[context * it->quantisers + q] = (uint8_t)(i * it->quantisers + q);
  }
  *count = (unsigned)number * it->quantisers;
  return VOXZ_OK;
}

static voxz_status read_magnitude_tables(vx_task *task, decoding *it, unsigned count) {
  int64_t *used, *differences, sum = 0;
  VX_TRY(vx_integers(task, &it->side, count, NULL, 0, &used));
  for (unsigned i = 0; i < count; i++) {
    VX_CHECK(task, used[i] >= 0 && used[i] <= TOKENS, "an entropy table is out of bounds");
    sum += used[i];
  }
  VX_TRY(vx_integers(task, &it->side, (uint64_t)sum, NULL, 0, &differences));
  for (unsigned i = 0; i < count; i++) {
    int64_t steps[TOKENS] = {0}, step = 0;
    for (int64_t token = 0; token < used[i]; token++) {
      step += *differences++;
      steps[token] = step;
    }
    VX_TRY(vx_fill_slots(task, steps, TOKENS, it->tables.slots[i]));
  }
  return VOXZ_OK;
}

/* Signs that are against where a coefficient leans are token 1. */
static voxz_status read_sign_tables(vx_task *task, decoding *it, unsigned first) {
  int64_t chances[SIGNS];
  VX_TRY(vx_few_integers(task, &it->side, SIGNS, chances));
  for (unsigned i = 0; i < SIGNS; i++) {
    VX_CHECK(task, chances[i] >= 1 && chances[i] < VX_SLOTS, "the chance of a sign is out of bounds");
    it->tables.table[MAGNITUDES * it->quantisers + i] = (uint8_t)(first + i);
    const uint16_t frequencies[2] = {(uint16_t)(VX_SLOTS - chances[i]), (uint16_t)chances[i]};
    vx_slot *slot = it->tables.slots[first + i];
    for (uint8_t token = 0; token < 2; token++)
      for (uint16_t place = 0; place < frequencies[token]; place++) *slot++ = (vx_slot){frequencies[token], place, token};
  }
  return VOXZ_OK;
}

static voxz_status start(vx_task *task, decoding *it, vx_bytes part) {
  const uint32_t side = vx_u32(&part), raw = vx_u32(&part), words = vx_u32(&part);
  const uint8_t *information = vx_bytes_take(&part, side), *bits = vx_bytes_take(&part, raw), *stream = vx_bytes_take(&part, words);
  unsigned count;
  VX_CHECK(task, information && bits && stream && !vx_bytes_left(&part) && words % 4 == 0 && words >= 8 * VX_STATES,
           "the parts of the coefficients of a brick do not fit its bytes");
  it->side.bytes = vx_bytes_of(information, side);
  vx_start_tokens(&it->tokens, stream, words, vx_bytes_of(bits, raw));
  VX_TRY(read_ranges(task, it, &count));
  VX_NEW(task, it->tables.slots, count + SIGNS);
  VX_TRY(read_magnitude_tables(task, it, count));
  VX_TRY(read_sign_tables(task, it, count));
  for (unsigned i = 0; i < BINNED; i++) it->bins[i] = (uint8_t)(i < 64 ? vx_bin(i) : it->bins[i >> 1] + 3u); /* three an octave */
  for (unsigned o = 0; o < 8; o++) memcpy(it->last[o].expecting, EXPECTED, sizeof EXPECTED);
  return VOXZ_OK;
}

static int within_bounds(const weights *of) {
  for (unsigned phase = 0; phase < 2; phase++) {
    int64_t expecting = 0, leaning = 0;
    for (unsigned k = 0; k < EXPECTING; k++) expecting += TIMES[k] * vx_magnitude(of->expecting[phase][k]);
    for (unsigned k = 0; k < LEANING; k++) leaning += TIMES[k] * vx_magnitude(of->leaning[phase][k]);
    const int64_t constant = of->expecting[phase][EXPECTING - 1];
    if (expecting > LARGEST_WEIGHTS || leaning > LARGEST_WEIGHTS || constant < 0 || constant > LARGEST_CONSTANT) return 0;
  }
  return 1;
}

static voxz_status read_side(vx_task *task, decoding *it, int64_t kind, walk *of) {
  weights *last = &it->last[of->band->orientation];
  int64_t numbers[1 + 4];
  if (kind == OWN) {
    VX_TRY(vx_few_integers(task, &it->side, 2 * EXPECTING, last->expecting[0]));
    VX_TRY(vx_few_integers(task, &it->side, 2 * LEANING, last->leaning[0]));
    VX_CHECK(task, within_bounds(last), "the weights of a band are out of bounds");
  }
  VX_TRY(vx_few_integers(task, &it->side, 1 + 2 * it->quantisers, numbers));
  VX_CHECK(task, numbers[0] >= 0 && numbers[0] <= MOST_SHIFT, "the shifts of a band are out of bounds");
  for (unsigned i = 0; i < 2 * it->quantisers; i++) {
    VX_CHECK(task, vx_magnitude(numbers[1 + i]) <= VX_UNITS, "the shifts of a band are out of bounds");
    of->shifts[i / 2][i % 2] = numbers[1 + i];
  }
  of->weights = *last;
  of->shift = (unsigned)numbers[0];
  of->unit = (float)(it->pyramid->step / (2 * of->band->norm) / VX_UNITS);
  return VOXZ_OK;
}

static around rows_around(const walk *of, uint32_t z, uint32_t y) {
  const size_t slice = of->pitch * of->band->size[1];
  int8_t *rows = of->rows + BESIDE, *row = rows + z % 2 * slice + y * of->pitch;
  const int8_t *nothing = rows + 2 * slice, *back = rows + (z + 1) % 2 * slice + y * of->pitch;
  const around around = {row,
                         y > 0 ? row - of->pitch : nothing,
                         y > 1 ? row - 2 * of->pitch : nothing,
                         z > 0 ? back : nothing,
                         z > 0 && y > 0 ? back - of->pitch : nothing,
                         z > 0 && y + 1 < of->band->size[1] ? back + of->pitch : nothing};
  return around;
}

static int64_t size_of(int8_t value) { return value < 0 ? -value : value; }

/* What magnitudes around a column make expected, without parent and constant. */
static int64_t near_sum(const around *of, const int64_t *w, ptrdiff_t x) {
  int64_t total = w[0] * size_of(of->up[x]) + w[1] * (size_of(of->up[x - 1]) + size_of(of->up[x + 1])) + w[2] * size_of(of->top[x]);
  total += w[3] * size_of(of->back[x]) + w[4] * (size_of(of->back[x - 1]) + size_of(of->back[x + 1]));
  total += w[5] * (size_of(of->above[x]) + size_of(of->below[x]));
  return x & 1 ? total + w[6] * (size_of(of->row[x - 1]) + size_of(of->row[x + 1])) : total;
}

static int64_t lean_of(const around *of, const int64_t *w, ptrdiff_t x) {
  int64_t total = w[0] * of->up[x] + w[1] * (of->up[x - 1] + of->up[x + 1]) + w[2] * of->top[x] + w[3] * of->back[x];
  total += w[4] * (of->back[x - 1] + of->back[x + 1]) + w[5] * (of->above[x] + of->below[x]);
  return x & 1 ? total + w[6] * (of->row[x - 1] + of->row[x + 1]) : total;
}

/* The row of the parent, and the shift of columns, for a row of a band; NULL if there is no parent. */
static const int8_t *parent_row(const decoding *it, const walk *of, const int8_t *known, uint32_t z, uint32_t y, unsigned *halved) {
  const vx_band *parent = of->parent;
  const uint32_t *size = it->pyramid->size, at[2] = {z, y};
  size_t place[2];
  if (!parent) return NULL;
  for (unsigned axis = 0; axis < 2; axis++) {
    const uint32_t there = at[axis] >> (parent->scale < it->pyramid->scales[axis]), last = parent->size[axis] - 1;
    place[axis] = parent->start[axis] + (there < last ? there : last);
  }
  *halved = parent->scale < it->pyramid->scales[2];
  return known + (place[0] * size[1] + place[1]) * size[2] + parent->start[2];
}

/* The index of a token, with its raw bits. */
static uint32_t index_of(decoding *it, unsigned token) {
  if (token < DIRECT) return token;
  const unsigned low = ((token - DIRECT) >> 2) + 4;
  return (uint32_t)((4 + (token & 3)) << low) | (uint32_t)vx_raw_bits(&it->tokens, low);
}

/* Magnitudes of a phase, without signs; returns how many are not 0. */
static uint32_t decode_sizes(decoding *it, walk *of, const around *around, const int8_t *parents, unsigned halved, unsigned phase,
                             double *values) {
  const uint32_t width = of->band->size[2], count = (width + 1 - phase) / 2;
  const int64_t *weights = of->weights.expecting[phase];
  uint32_t some = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t x = 2 * i + phase, there = x >> halved, last = parents ? of->parent->size[2] - 1 : 0;
    const int64_t parent = parents ? size_of(parents[there < last ? there : last]) : 0;
    const int64_t sum = near_sum(around, weights, x) + weights[NEAR] * parent + weights[NEAR + 1];
    of->expected[x] = (int32_t)vx_max(sum, 0);
    const unsigned context = it->bins[of->expected[x]] + AN_OCTAVE * of->shift;
    of->contexts[i] = (uint16_t)(context * it->quantisers + it->trellis.quantiser[of->state[x]]);
  }
  vx_read_tokens(&it->tokens, &it->tables, of->contexts, count, of->found);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t x = 2 * i + phase, index = index_of(it, of->found[i]);
    const unsigned q = it->trellis.quantiser[of->state[x]];
    const int32_t size = index ? (int32_t)(2 * index - q) : 0;
    const int32_t units = size ? (int32_t)(VX_UNITS * size - of->shifts[q][index > 1]) : 0;
    values[x] = (double)((float)units * of->unit);
    around->row[x] = (int8_t)vx_min(size >> of->shift, MOST);
    of->state[x] = it->trellis.after[of->state[x]][index & 1];
    if (index) of->columns[some++] = x;
  }
  return some;
}

static void decode_signs(decoding *it, const walk *of, const around *around, uint32_t some, unsigned phase, double *values) {
  for (uint32_t i = 0; i < some; i++) {
    const uint32_t x = of->columns[i];
    const int64_t lean = lean_of(around, of->weights.leaning[phase], x);
    const int64_t apart = it->bins[vx_magnitude(lean)] - it->bins[of->expected[x]] + MIDDLE;
    of->contexts[i] = (uint16_t)(MAGNITUDES * it->quantisers + (lean ? vx_clamp(apart, 1, SIGNS - 1) : 0));
    of->leans_down[i] = lean < 0;
  }
  vx_read_tokens(&it->tokens, &it->tables, of->contexts, some, of->found);
  for (uint32_t i = 0; i < some; i++) {
    const uint32_t x = of->columns[i];
    if (of->leans_down[i] == of->found[i]) continue;
    around->row[x] = (int8_t)-around->row[x];
    values[x] = -values[x];
  }
}

static voxz_status decode_rows(vx_task *task, decoding *it, walk *of, unsigned component) {
  const vx_band *band = of->band;
  const uint32_t *size = it->pyramid->size;
  int8_t *known = it->known + component * it->places;
  for (uint32_t z = 0; z < band->size[0]; z++)
    for (uint32_t y = 0; y < band->size[1]; y++) {
      const around around = rows_around(of, z, y);
      const size_t place = ((size_t)(band->start[0] + z) * size[1] + band->start[1] + y) * size[2] + band->start[2];
      unsigned halved = 0;
      const int8_t *parents = parent_row(it, of, known, z, y, &halved);
      double *values = it->values + component * it->places + place;
      for (unsigned phase = 0; phase < 2; phase++) {
        const uint32_t some = decode_sizes(it, of, &around, parents, halved, phase, values);
        if (some) decode_signs(it, of, &around, some, phase, values);
      }
      VX_CHECK(task, !it->tokens.overrun, "the coefficients of a brick end early");
      memcpy(known + place, around.row, band->size[2]);
    }
  return VOXZ_OK;
}

static voxz_status decode_band(vx_task *task, decoding *it, unsigned component, const vx_band *band, const vx_band *parent) {
  walk of = {.band = band, .parent = band->orientation ? parent : NULL, .pitch = (size_t)band->size[2] + 2 * BESIDE};
  const size_t used = task->used;
  int64_t kind;
  VX_TRY(vx_few_integers(task, &it->side, 1, &kind));
  VX_CHECK(task, kind >= EMPTY && kind <= OWN, "a band is of an unknown kind");
  if (kind == EMPTY) return VOXZ_OK;
  VX_TRY(read_side(task, it, kind, &of));
  VX_NEW(task, of.rows, (2 * (uint64_t)band->size[1] + 1) * of.pitch);
  VX_NEW(task, of.state, band->size[2]);
  VX_NEW(task, of.expected, band->size[2]);
  VX_NEW(task, of.contexts, band->size[2]);
  VX_NEW(task, of.found, band->size[2]);
  VX_NEW(task, of.leans_down, band->size[2]);
  VX_NEW(task, of.columns, band->size[2]);
  VX_TRY(decode_rows(task, it, &of, component));
  task->used = used;
  return VOXZ_OK;
}

static const vx_band *band_at(const vx_band *bands, unsigned count, unsigned scale, unsigned orientation) {
  for (unsigned i = 0; i < count; i++)
    if (bands[i].scale == scale && bands[i].orientation == orientation) return &bands[i];
  return NULL;
}

voxz_status vx_decode_fast_bands(vx_task *task, vx_bytes part, const vx_pyramid *pyramid, uint32_t components, unsigned states,
                                 unsigned undone, double *values) {
  const size_t used = task->used, places = (size_t)pyramid->size[0] * pyramid->size[1] * pyramid->size[2];
  vx_band bands[VX_MOST_BANDS];
  const unsigned count = vx_bands_of(pyramid, bands);
  decoding *it;
  VX_NEW(task, it, 1);
  it->pyramid = pyramid;
  it->places = places;
  it->values = values;
  it->quantisers = states == 1 ? 1 : 2;
  it->trellis = vx_trellis_of(states);
  VX_TRY(start(task, it, part));
  VX_CHECK(task, (uint64_t)count * components <= 8 * (uint64_t)vx_bytes_left(&it->side.bytes), "there are fewer bands than a brick must have");
  VX_NEW(task, it->known, components * (uint64_t)places);
  for (unsigned first = 0, end = 0; first < count; first = end) {
    while (end < count && bands[end].scale == bands[first].scale) end++;
    if (bands[first].scale < undone) break;
    for (unsigned component = 0; component < components; component++)
      for (unsigned i = first; i < end; i++)
        VX_TRY(decode_band(task, it, component, &bands[i], band_at(bands, count, bands[i].scale + 1, bands[i].orientation)));
  }
  if (!undone) {
    VX_TRY(vx_side_end(task, &it->side));
    VX_CHECK(task, vx_tokens_end(&it->tokens), "the coefficients of a brick do not end where their stream does");
  }
  task->used = used;
  return VOXZ_OK;
}
