/* The walk over a band in the heavy profile: each coefficient gets a distribution from the network, is decoded by it and by
   counters, and then teaches the network's last layers. */

#include "heavy.h"

#include "heavy_memory.h"
#include "heavy_network.h"
#include "light.h"

enum { SIGN = 2 * VX_DEPTH, ROWS = 2 * VX_MOST_KNOWN + 3, RELATIVES = 3, SLICES = 3 };

static const double RATES[VX_EXPERTS][2] = {{0.005, 0.02}, {0.02, 0.15}, {0.05, 0.6}};
static const double NOTHING = -1.0; /* the logarithm of a magnitude of 0, plus a half */

/* Another band of the same scale whose signed magnitudes are inputs. */
typedef struct sister {
  const vx_band *band;
  const int32_t *known;
  unsigned first; /* of its inputs */
} sister;

typedef struct learner {
  const vx_network *network;
  const vx_pyramid *pyramid;
  vx_coder *coder;
  vx_functions *functions;
  vx_heavy_mixture *mixture;
  vx_memory memory;
  unsigned band_count;
  vx_band bands[VX_MOST_BANDS];
  vx_expert experts[8][VX_EXPERTS];
  /* of the band */
  const double *first;
  double edges[2][3];
  double *slope, *bias;
  unsigned row_count, inputs[ROWS], used, role;
  int relatives[RELATIVES]; /* first rows of parent, last sister and component before; -1: there is none */
  const double *long_term, *wide_parent, *wide_sisters;
  double *row_logs; /* (rows, x): of planes known as a whole */
  sister sisters[VX_MOST_KNOWN];
  unsigned sister_count;
  double *logs, *hidden, *above, *before, *boxes, *wide;
  int64_t *line, *leans;
  double signed_inputs[VX_SIGNED], deep[VX_MOST_UNITS], deeper[VX_MOST_UNITS];
  vx_distribution found[VX_EXPERTS];
  vx_heavy_decision decision;
} learner;

/* What is expected of a coefficient. */
typedef struct expected {
  int64_t magnitude, lean;
  double log, outer, inner;
  unsigned nearest, shift, coarse;
} expected;

static size_t places_of(const vx_band *band) { return (size_t)band->size[0] * band->size[1] * band->size[2]; }

/* Logarithm of the mean of every second plane, blurred twice. */
static voxz_status wide_mean(vx_task *task, const learner *it, const vx_band *band, const int32_t *planes, unsigned count, const double **mean) {
  const size_t places = places_of(band);
  double *values;
  VX_NEW(task, values, places);
  for (unsigned k = 0; k < count; k++)
    for (size_t i = 0; i < places; i++) values[i] += planes[2 * k * places + i];
  for (size_t i = 0; i < places; i++) values[i] /= (double)count;
  vx_blur(band->size, values);
  vx_blur(band->size, values);
  for (size_t i = 0; i < places; i++) values[i] = vx_log_of_mean(it->functions, values[i]);
  *mean = values;
  return VOXZ_OK;
}

/* Which input each plane is, in the order of the document; and which rows are those of relatives. */
static voxz_status list_inputs(vx_task *task, learner *it, const vx_walk *walk) {
  const vx_known *known = &walk->known;
  const unsigned sisters = known->count - (unsigned)known->parent - (unsigned)known->previous;
  const int32_t *planes = walk->planes;
  unsigned count = 0, last = 0;
  it->relatives[0] = it->relatives[1] = it->relatives[2] = -1;
  for (unsigned k = 0; k < VX_MOST_KNOWN + 1; k++) {
    const int parent = k == 0, previous = k == VX_MOST_KNOWN;
    if (parent ? !known->parent : previous ? !known->previous : !(known->sisters >> k & 1)) continue;
    it->relatives[parent ? 0 : previous ? 2 : 1] = (int)count;
    last = previous ? 36 : 22 + 2 * k;
    it->inputs[count++] = last;
    it->inputs[count++] = last + 1;
  }
  VX_TRY(vx_long_term(task, &it->memory, walk->component, walk->band, &it->long_term));
  if (it->long_term) it->inputs[count++] = VX_INPUT_LONG;
  it->wide_parent = it->wide_sisters = NULL;
  if (known->parent) {
    VX_TRY(wide_mean(task, it, walk->band, planes, 1, &it->wide_parent));
    it->inputs[count++] = VX_INPUT_WIDE_PARENT;
  }
  if (sisters) {
    const size_t skipped = 2 * (size_t)known->parent * places_of(walk->band);
    VX_TRY(wide_mean(task, it, walk->band, planes + skipped, sisters, &it->wide_sisters));
    it->inputs[count++] = VX_INPUT_WIDE_SISTERS;
  }
  it->row_count = count;
  return VOXZ_OK;
}

/* Weights that depend on the band, put together. */
static voxz_status put_weights_together(vx_task *task, learner *it, const vx_walk *walk) {
  static const unsigned ALWAYS[4] = {VX_INPUT_OUTER, VX_INPUT_INNER, VX_INPUT_WIDE_ABOVE, VX_INPUT_WIDE_BEFORE};
  const vx_network *network = it->network;
  const unsigned one = network->one, orientation = walk->band->orientation, lossy = walk->trellis->states > 1;
  const unsigned level = walk->band->scale < 3 ? walk->band->scale : 3;
  VX_NEW(task, it->slope, one);
  VX_NEW(task, it->bias, one);
  it->first = network->first + (size_t)orientation * VX_FEATURES * one;
  for (unsigned h = 0; h < one; h++) {
    double slope = network->slope[orientation * one + h];
    for (unsigned k = 0; k < 22; k++) slope -= it->first[k * one + h];
    for (unsigned k = 0; k < 4; k++) slope -= it->first[ALWAYS[k] * one + h];
    for (unsigned k = 0; k < it->row_count; k++) slope -= it->first[it->inputs[k] * one + h];
    it->slope[h] = slope;
    it->bias[h] = network->bias[orientation * one + h] + network->level_bias[level * one + h] + network->kind_bias[lossy * one + h];
  }
  for (unsigned i = 0; i < 6; i++) it->edges[i / 3][i % 3] = lossy ? network->edges[i] : 0.0;
  return VOXZ_OK;
}

static void list_sisters(learner *it, const vx_walk *walk) {
  it->sister_count = 0;
  if (walk->known.previous) {
    const sister before = {walk->band, walk->known_signed - walk->places, 14};
    it->sisters[it->sister_count++] = before;
  }
  for (unsigned i = 0; i < it->band_count; i++) {
    const vx_band *other = &it->bands[i];
    if (other->scale != walk->band->scale || !other->orientation || other->orientation >= walk->band->orientation) continue;
    const sister found = {other, walk->known_signed, 16 + 4 * (other->orientation - 1)};
    it->sisters[it->sister_count++] = found;
  }
}

static voxz_status begin(vx_task *task, void *any, const vx_walk *walk) {
  learner *it = any;
  const uint32_t *size = walk->band->size;
  const size_t rows = ((size_t)SLICES * size[1] + 1) * (size[2] + 2 * (size_t)VX_BESIDE);
  const unsigned orientation = walk->band->orientation;
  VX_TRY(list_inputs(task, it, walk));
  VX_TRY(put_weights_together(task, it, walk));
  list_sisters(it, walk);
  it->used = VX_GATES + 16 + 4 * (orientation ? orientation - 1 : 0);
  it->role = 2 * (walk->band->scale < 3 ? walk->band->scale : 3) + (unsigned)walk->known.previous;
  VX_NEW(task, it->logs, rows);
  for (size_t i = 0; i < rows; i++) it->logs[i] = NOTHING;
  VX_NEW(task, it->row_logs, ROWS * (uint64_t)size[2]);
  VX_NEW(task, it->hidden, it->network->one * (uint64_t)size[2]);
  VX_NEW(task, it->above, size[2]);
  VX_NEW(task, it->before, (uint64_t)size[1] * size[2]);
  VX_NEW(task, it->boxes, (uint64_t)size[1] * size[2]);
  VX_NEW(task, it->wide, 2 * (uint64_t)size[2]);
  VX_NEW(task, it->line, size[2]);
  VX_NEW(task, it->leans, size[2]);
  memset(it->signed_inputs, 0, sizeof it->signed_inputs);
  return VOXZ_OK;
}

/* Mean of five magnitudes around a column. */
static double box(const int32_t *row, ptrdiff_t x) {
  return ((double)row[x - 2] + row[x - 1] + row[x] + row[x + 1] + row[x + 2]) * 0.2;
}

/* Take the slice before into the fading mean of finished slices. */
static void next_slice(learner *it, const vx_walk *walk) {
  const uint32_t height = walk->band->size[1], width = walk->band->size[2];
  const int32_t *rows = walk->rows + VX_BESIDE + (walk->z - 1) % SLICES * (size_t)height * walk->pitch;
  for (uint32_t y = 0; y < height; y++)
    for (uint32_t x = 0; x < width; x++) it->boxes[(size_t)y * width + x] = box(rows + y * walk->pitch, x);
  for (uint32_t y = 0; y < height; y++)
    for (uint32_t x = 0; x < width; x++) {
      double total = 0.0, *mean = &it->before[(size_t)y * width + x];
      for (uint32_t k = y < 2 ? 0 : y - 2; k < height && k < y + 3; k++) total += it->boxes[(size_t)k * width + x];
      *mean = walk->z == 1 ? total * 0.2 : 0.5 * *mean + 0.5 * (total * 0.2);
    }
}

static void next_row(learner *it, const vx_walk *walk) {
  const uint32_t width = walk->band->size[2];
  for (uint32_t x = 0; x < width; x++) it->above[x] = walk->y ? 0.75 * it->above[x] + 0.25 * box(walk->sizes.up, x) : it->before[x];
}

/* Logarithms of what is known of a row from other bands. */
static void fill_row_logs(learner *it, const vx_walk *walk) {
  const uint32_t width = walk->band->size[2];
  const size_t places = places_of(walk->band), row = ((size_t)walk->z * walk->band->size[1] + walk->y) * width;
  const double *whole[3] = {it->long_term, it->wide_parent, it->wide_sisters};
  double *logs = it->row_logs;
  for (unsigned k = 0; k < 2 * walk->known.count; k++, logs += width)
    for (uint32_t x = 0; x < width; x++) {
      const int32_t value = walk->planes[k * places + row + x];
      logs[x] = k & 1 ? vx_log2(it->functions, (uint64_t)value + 3) - it->functions->logs[6] : vx_log_of_magnitude(it->functions, value);
    }
  for (unsigned k = 0; k < 3; k++) {
    if (!whole[k]) continue;
    memcpy(logs, whole[k] + row, width * sizeof *logs);
    logs += width;
  }
}

/* Add what an input of a whole row gives to the first layer. */
static void add_line(learner *it, unsigned input, const double *line, uint32_t width) {
  const unsigned one = it->network->one;
  for (unsigned h = 0; h < one; h++) {
    const double weight = it->first[input * one + h];
    double *target = it->hidden + (size_t)h * width;
    for (uint32_t x = 0; x < width; x++) target[x] += weight * line[x];
  }
}

/* The logarithms that belong to a row of magnitudes. */
static double *logs_of(const learner *it, const vx_walk *walk, const int32_t *row) { return it->logs + (row - walk->rows); }

static void prepare_row(learner *it, const vx_walk *walk) {
  const vx_around *m = &walk->sizes;
  const uint32_t width = walk->band->size[2];
  const double *up = logs_of(it, walk, m->up), *top = logs_of(it, walk, m->top), *back = logs_of(it, walk, m->back);
  const double *above = logs_of(it, walk, m->above), *below = logs_of(it, walk, m->below), *far = logs_of(it, walk, m->far);
  next_row(it, walk);
  vx_row_part(walk, it->line);
  vx_row_leaning(walk, it->leans);
  fill_row_logs(it, walk);
  for (uint32_t x = 0; x < width; x++) {
    it->wide[x] = vx_log_of_mean(it->functions, it->above[x]);
    it->wide[width + x] = vx_log_of_mean(it->functions, it->before[(size_t)walk->y * width + x]);
  }
  for (unsigned h = 0; h < it->network->one; h++)
    for (uint32_t x = 0; x < width; x++) it->hidden[(size_t)h * width + x] = it->bias[h];
  for (unsigned k = 0; k < 5; k++) add_line(it, 2 + k, up + k - 2, width);
  for (unsigned k = 0; k < 3; k++) {
    add_line(it, 7 + k, top + k - 1, width);
    add_line(it, 10 + k, above + k - 1, width);
    add_line(it, 13 + k, back + k - 1, width);
    add_line(it, 16 + k, below + k - 1, width);
  }
  add_line(it, 19, back - 2, width);
  add_line(it, 20, back + 2, width);
  add_line(it, 21, far, width);
  add_line(it, VX_INPUT_WIDE_ABOVE, it->wide, width);
  add_line(it, VX_INPUT_WIDE_BEFORE, it->wide + width, width);
  for (unsigned k = 0; k < it->row_count; k++) add_line(it, it->inputs[k], it->row_logs + (size_t)k * width, width);
}

static double log_of_expectation(const learner *it, int64_t number) {
  return vx_log2(it->functions, 2 * (uint64_t)vx_max(number, 0) + 1) - 6.0;
}

static expected expect(const learner *it, const vx_walk *walk, uint32_t x) {
  const int32_t *row = walk->sizes.row + x, *signs = walk->signs.row + x;
  const int64_t outside = walk->sums[((size_t)walk->z * walk->band->size[1] + walk->y) * walk->band->size[2] + x];
  const int64_t inside = it->line[x] + 32 * (walk->weights[0] * row[-1] + walk->weights[1] * row[-2]);
  expected found;
  found.magnitude = vx_max(vx_right(inside + outside, 10), 0);
  found.lean = it->leans[x] + 32 * (walk->leaning[0] * signs[-1] + walk->leaning[1] * signs[-2]);
  found.log = log_of_expectation(it, found.magnitude);
  found.outer = log_of_expectation(it, vx_right(outside, 10));
  found.inner = log_of_expectation(it, vx_right(inside, 10));
  found.nearest = vx_nearest(walk, x);
  found.shift = vx_plain_part(found.magnitude);
  return found;
}

/* Both hidden layers of a coefficient. */
static void evaluate(learner *it, const double *logs, uint32_t width, uint32_t x, const expected *of) {
  const vx_network *network = it->network;
  const unsigned one = network->one, two = network->two;
  const double *first = it->first;
  for (unsigned h = 0; h < one; h++) {
    double value = it->hidden[(size_t)h * width + x] + of->log * it->slope[h] + logs[-1] * first[h] + logs[-2] * first[one + h];
    value += of->outer * first[VX_INPUT_OUTER * one + h] + of->inner * first[VX_INPUT_INNER * one + h];
    it->deep[h] = value > 0.0 ? value : 0.0;
  }
  for (unsigned o = 0; o < two; o++) it->deeper[o] = network->second_bias[o];
  for (unsigned h = 0; h < one; h++)
    for (unsigned o = 0; o < two; o++) it->deeper[o] += it->deep[h] * network->second[h * two + o];
  for (unsigned o = 0; o < two; o++)
    if (!(it->deeper[o] > 0.0)) it->deeper[o] = 0.0;
}

/* Signed magnitude of another band at a place of this one; 0 outside. */
static double signed_at(const learner *it, const sister *of, const vx_band *band, int64_t z, int64_t y, int64_t x) {
  const int64_t at[3] = {z, y, x};
  size_t place = 0;
  for (unsigned axis = 0; axis < 3; axis++) {
    if (at[axis] < 0 || at[axis] >= band->size[axis]) return 0.0;
    place = place * it->pyramid->size[axis] + of->band->start[axis] + (size_t)vx_min(at[axis], of->band->size[axis] - 1);
  }
  return of->known[place];
}

static void fill_signed(learner *it, const vx_walk *walk, uint32_t column, int64_t lean) {
  const ptrdiff_t x = (ptrdiff_t)column;
  const vx_around *s = &walk->signs;
  double *values = it->signed_inputs;
  const int32_t near[13] = {s->row[x - 1],  s->row[x - 2],  s->up[x - 1],  s->up[x],    s->up[x + 1], s->top[x],      s->back[x],
                            s->back[x - 1], s->back[x + 1], s->above[x], s->below[x], s->far[x],    s->above[x + 1]};
  values[0] = (double)lean * (1.0 / (1 << 15));
  for (unsigned k = 0; k < 13; k++) values[1 + k] = near[k];
  for (unsigned k = 0; k < it->sister_count; k++) {
    const sister *of = &it->sisters[k];
    const vx_band *band = walk->band;
    const int64_t z = walk->z, y = walk->y;
    const double west = signed_at(it, of, band, z, y, x - 1), east = signed_at(it, of, band, z, y, x + 1);
    const double north = signed_at(it, of, band, z, y - 1, x), south = signed_at(it, of, band, z, y + 1, x);
    const double front = signed_at(it, of, band, z - 1, y, x), behind = signed_at(it, of, band, z + 1, y, x);
    double *to = values + of->first;
    to[0] = signed_at(it, of, band, z, y, x);
    if (of->first == 14) {
      to[1] = (west + east + north + south + front + behind) * (1.0 / 6.0);
    } else {
      to[1] = east - west;
      to[2] = south - north;
      to[3] = behind - front;
    }
  }
}

static double within(double value, double most) { return value > 0.0 ? (value < most ? value : most) : 0.0; }

static unsigned log_bin(double log, double per, double count) { return (unsigned)within((log + 4.0) * per, count - 1.0); }

static unsigned beside(double log, double expected) { return (unsigned)within((log - expected) * 2.0 + 4.5, 7.99); }

/* Contexts that do not depend on the decision, and the coarse bin of the expectation. */
static void fill_contexts(learner *it, const vx_walk *walk, uint32_t column, expected *of) {
  const vx_around *m = &walk->sizes;
  const ptrdiff_t x = (ptrdiff_t)column;
  const double *row = logs_of(it, walk, m->row), *up = logs_of(it, walk, m->up), *top = logs_of(it, walk, m->top);
  const double *back = logs_of(it, walk, m->back), *above = logs_of(it, walk, m->above), *below = logs_of(it, walk, m->below);
  const double log = of->log, near = 0.25 * (row[x - 1] + up[x] + back[x] + 0.5 * (up[x - 1] + up[x + 1]));
  double wide = row[x - 2] + up[x - 2] + up[x + 2] + top[x] + top[x - 1] + top[x + 1];
  wide = (wide + logs_of(it, walk, m->far)[x] + back[x - 1] + back[x + 1] + above[x] + below[x]) * (1.0 / 11.0);
  unsigned *contexts = it->decision.contexts;
  contexts[0] = log_bin(log, 6.0, 128.0);
  of->coarse = contexts[0] >> 2;
  contexts[1] = log_bin(of->outer, 2.0, 32.0) * 32 + log_bin(of->inner, 2.0, 32.0);
  contexts[2] = of->nearest * 2 + (of->shift > 0);
  contexts[3] = (of->coarse * 8 + beside(row[x - 1], log)) * 8 + beside(up[x], log);
  contexts[4] = (of->coarse * 8 + beside(back[x], log)) * 8 + beside(wide, log);
  for (unsigned k = 0; k < RELATIVES; k++) {
    const double *logs = it->row_logs + (size_t)(it->relatives[k] < 0 ? 0 : it->relatives[k]) * walk->band->size[2] + x;
    contexts[5 + k] = of->coarse;
    if (it->relatives[k] >= 0) contexts[5 + k] = (of->coarse * 8 + beside(logs[0], log)) * 8 + beside(logs[walk->band->size[2]], log);
  }
  contexts[8] = log_bin(near, 4.0, 64.0) * 16 + (unsigned)within((wide - near) * 3.0 + 8.0, 15.0);
}

/* Magnitude, in half steps, up to which coefficients get at most an index. */
static double bound_of(const learner *it, uint64_t index, unsigned q) {
  const double base = index ? 2.0 * (double)index + 1.0 - q : 1.0 - 0.5 * q;
  return base + it->edges[q][index < 2 ? index : 2];
}

static unsigned settle(learner *it, unsigned kind, unsigned first, unsigned second, unsigned third, unsigned place, unsigned row) {
  vx_heavy_decision *of = &it->decision;
  const double *odds = of->inputs + VX_NETWORK_INPUT;
  of->kind = kind;
  of->chosen[0] = first;
  of->chosen[1] = second;
  of->chosen[2] = third;
  of->chosen[3] = (place >> 3) * 8 + (unsigned)within((odds[VX_EXPERTS - 1] - odds[0]) * 4.0 + 4.0, 7.99);
  of->row = row;
  return vx_heavy_decide(it->mixture, of);
}

static uint64_t decode_size(learner *it, const expected *of, unsigned q, double west, unsigned kin) {
  double before[VX_EXPERTS] = {1.0, 1.0, 1.0}, *odds = it->decision.inputs + VX_NETWORK_INPUT;
  unsigned *contexts = it->decision.contexts;
  uint64_t reached = 0;
  for (;;) {
    const double bound = bound_of(it, ((reached + 1) << of->shift) - 1, q);
    for (unsigned e = 0; e < VX_EXPERTS; e++) {
      const double further = vx_chance_beyond(it->functions, &it->found[e], bound), least = before[e] > 1e-9 ? before[e] : 1e-9;
      const double chance = further / least;
      odds[e] = vx_odds_of(it->functions, chance < 0.99999 ? chance : 0.99999);
      before[e] = further;
    }
    const unsigned place = (unsigned)within(odds[0] * 5.0 + 64.0, 127.0);
    contexts[9] = place;
    contexts[10] = (place >> 1) * 8 + beside(west, of->log);
    contexts[11] = (place >> 1) * 32 + of->coarse;
    const unsigned kind = (unsigned)(reached < VX_DEPTH ? 2 * reached : SIGN - 2) + q;
    if (!settle(it, kind, contexts[0], contexts[2], kin, place, of->coarse)) break;
    if (++reached == VX_LONGEST) {
      reached += vx_beyond(it->coder);
      break;
    }
  }
  return reached << of->shift | vx_plain_bits(it->coder, of->shift);
}

static unsigned decode_sign(learner *it, const vx_walk *walk, uint32_t x, const expected *of, uint64_t size, double lower, double upper,
                            unsigned kin) {
  const unsigned orientation = walk->band->orientation, leant = vx_lean_bin(vx_right(of->lean, 10), of->magnitude);
  const unsigned least = size < 8 ? (unsigned)size : 8;
  double *odds = it->decision.inputs + VX_NETWORK_INPUT;
  for (unsigned e = 0; e < VX_EXPERTS; e++) odds[e] = vx_odds_of_minus(it->functions, &it->found[e], lower, upper);
  const unsigned place = (unsigned)within(odds[0] * 8.0 + 64.0, 127.0);
  const unsigned contexts[VX_HEAVY_COUNTERS] = {orientation * 96 + leant * 3 + (size < 3 ? (unsigned)size : 3) - 1,
                                                orientation * 81 + vx_near_signs(walk, x),
                                                orientation * 81 + vx_far_signs(walk, x),
                                                least * 31 + leant,
                                                0, 0, 0, 0, 0,
                                                place,
                                                orientation * 128 + place,
                                                least * 128 + place};
  memcpy(it->decision.contexts, contexts, sizeof contexts);
  return settle(it, SIGN, leant, least, kin, place, leant);
}

static void teach(learner *it, unsigned orientation, double lower, double upper, int minus) {
  const unsigned two = it->network->two;
  double energy = 1.0;
  for (unsigned h = 0; h < two; h++) energy += it->deeper[h] * it->deeper[h];
  for (unsigned e = 0; e < VX_EXPERTS; e++)
    vx_learn_expert(it->functions, &it->experts[orientation][e], &it->found[e], lower, upper, minus, it->deeper, two, energy, it->used,
                    it->signed_inputs, RATES[e]);
}

static voxz_status decode_coefficient(vx_task *task, learner *it, vx_walk *walk, uint32_t x, double *units) {
  const unsigned orientation = walk->band->orientation, kin = orientation * 8 + it->role;
  const unsigned q = walk->trellis->quantiser[walk->state];
  double *logs = logs_of(it, walk, walk->sizes.row) + x;
  expected of = expect(it, walk, x);
  evaluate(it, logs, walk->band->size[2], x, &of);
  fill_signed(it, walk, x, of.lean);
  for (unsigned e = 0; e < VX_EXPERTS; e++)
    vx_distribute(it->functions, &it->experts[orientation][e], it->deeper, it->network->two, it->used, of.log, it->signed_inputs, &it->found[e]);
  fill_contexts(it, walk, x, &of);
  const uint64_t size = decode_size(it, &of, q, logs[-1], kin);
  VX_CHECK(task, size >> VX_MOST_BITS == 0, "the coefficients of a brick are damaged");
  const double upper = bound_of(it, size, q), lower = size ? bound_of(it, size - 1, q) : -upper;
  const int minus = size && decode_sign(it, walk, x, &of, size, lower, upper, kin);
  teach(it, orientation, lower, upper, minus);
  vx_put(walk, x, minus ? -(int64_t)size : (int64_t)size, units);
  *logs = vx_log_of_magnitude(it->functions, walk->sizes.row[x]);
  return VOXZ_OK;
}

static voxz_status decode_row(vx_task *task, void *any, vx_walk *walk, double *units) {
  learner *it = any;
  VX_CHECK(task, it->coder->position <= it->coder->size, "the coefficients of a brick end early");
  if (walk->y == 0 && walk->z > 0) next_slice(it, walk);
  prepare_row(it, walk);
  for (uint32_t x = 0; x < walk->band->size[2]; x++) VX_TRY(decode_coefficient(task, it, walk, x, units));
  return VOXZ_OK;
}

static void end(void *any, const vx_walk *walk, const int32_t *known) {
  learner *it = any;
  vx_remember(it->functions, &it->memory, walk->component, walk->band, known);
}

/* Each orientation has experts of its own, which are alike at first. */
static voxz_status new_experts(vx_task *task, learner *it) {
  const size_t count = (size_t)it->network->two * VX_OUTPUTS;
  for (unsigned orientation = 0; orientation < 8; orientation++)
    for (unsigned e = 0; e < VX_EXPERTS; e++) {
      vx_expert *expert = &it->experts[orientation][e];
      VX_NEW(task, expert->weights, count);
      memcpy(expert->weights, it->network->third, count * sizeof(double));
      memcpy(expert->bias, it->network->third_bias + orientation * VX_OUTPUTS, sizeof expert->bias);
    }
  return VOXZ_OK;
}

voxz_status vx_new_heavy(vx_task *task, const vx_network *network, const vx_pyramid *pyramid, uint32_t components, vx_coder *coder,
                         vx_profile *profile) {
  learner *it;
  VX_NEW(task, it, 1);
  it->network = network;
  it->pyramid = pyramid;
  it->coder = coder;
  it->band_count = vx_bands_of(pyramid, it->bands);
  VX_TRY(vx_new_functions(task, &it->functions));
  VX_TRY(vx_new_heavy_mixture(task, it->functions, coder, &it->mixture));
  VX_TRY(vx_new_memory(task, pyramid, components, &it->memory));
  VX_TRY(new_experts(task, it));
  const vx_profile made = {it, begin, decode_row, end};
  *profile = made;
  return VOXZ_OK;
}
