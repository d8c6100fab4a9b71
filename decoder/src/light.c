#include "light.h"

#include "triple.h"

enum {
  EXACT = 2048, COARSE_BITS = 6,   /* numbers whose bins are tabled one by one; low bits that do not count beyond */
  COARSE = 16, NEAREST = 128,      /* coarse bins; contexts of the three nearest */
  NODES = 2 * VX_DEPTH,
  BY_PARTS = NODES * VX_BINS,      /* where counters of each kind begin */
  BY_NEAREST = BY_PARTS + NODES * COARSE * COARSE,
  BY_LEANING = BY_NEAREST + NODES * NEAREST,
  LEANINGS = 96, SIGNS = 81,
  BY_NEAR_SIGNS = BY_LEANING + 8 * LEANINGS,
  BY_FAR_SIGNS = BY_NEAR_SIGNS + 8 * SIGNS,
  PLACES = BY_FAR_SIGNS + 8 * SIGNS,
  REACHED = 6 << 6
};

typedef struct learner {
  vx_coder *coder;
  vx_odds *odds;
  uint32_t counters[PLACES];
  double mixing[NODES + 1][VX_BINS][3];
  uint8_t bins[EXACT], coarse_bins[EXACT];
  int64_t *line, *leans;
} learner;

/* Three counters and their weights decide, and learn. */
static unsigned decide(learner *it, size_t a, size_t b, size_t c, double weights[3]) {
  return vx_triple_bit(it->coder, it->odds, it->counters + a, it->counters + b, it->counters + c, weights);
}

static unsigned bin_of(const learner *it, int64_t expected) {
  return expected < EXACT ? it->bins[expected] : it->coarse_bins[vx_min(expected >> COARSE_BITS, EXACT - 1)];
}

unsigned vx_plain_part(int64_t expected) {
  unsigned shift = 0;
  while (expected >> shift > REACHED) shift++;
  return shift;
}

/* What is expected of a coefficient, and the contexts that follow. */
typedef struct expected {
  int64_t all;
  unsigned bin, inner, outer, nearest, shift;
} expected;

static expected expect(const learner *it, const vx_walk *walk, uint32_t x, int64_t outside) {
  const int32_t *row = walk->sizes.row + x;
  const int64_t inside = it->line[x] + 32 * (walk->weights[0] * row[-1] + walk->weights[1] * row[-2]);
  expected found;
  found.all = vx_max(vx_right(inside + outside, 10), 0);
  found.bin = bin_of(it, found.all);
  found.outer = bin_of(it, vx_max(vx_right(outside, 10), 0)) >> 2;
  found.inner = bin_of(it, vx_max(vx_right(inside, 10), 0)) >> 2;
  found.nearest = vx_nearest(walk, x);
  found.shift = vx_plain_part(found.all);
  return found;
}

static uint64_t decode_size(learner *it, const expected *of, unsigned quantiser) {
  uint64_t reached = 0;
  for (;;) {
    const unsigned node = (unsigned)(reached < VX_DEPTH ? 2 * reached : NODES - 2) + quantiser;
    const size_t b = BY_PARTS + (node * COARSE + of->outer) * COARSE + of->inner;
    const size_t c = BY_NEAREST + node * NEAREST + of->nearest * 2 + (of->shift > 0);
    if (!decide(it, node * VX_BINS + of->bin, b, c, it->mixing[node][of->bin])) break;
    if (++reached == VX_LONGEST) {
      reached += vx_beyond(it->coder);
      break;
    }
  }
  return reached << of->shift | vx_plain_bits(it->coder, of->shift);
}

static unsigned decode_sign(learner *it, const vx_walk *walk, uint32_t x, int64_t expected, uint64_t size) {
  const unsigned orientation = walk->band->orientation;
  const int32_t *row = walk->signs.row + x;
  const int64_t lean = it->leans[x] + 32 * (walk->leaning[0] * row[-1] + walk->leaning[1] * row[-2]);
  const unsigned leant = vx_lean_bin(vx_right(lean, 10), expected);
  const size_t a = BY_LEANING + orientation * LEANINGS + leant * 3 + (size < 3 ? (size_t)size : 3) - 1;
  const size_t b = BY_NEAR_SIGNS + orientation * SIGNS + vx_near_signs(walk, x);
  const size_t c = BY_FAR_SIGNS + orientation * SIGNS + vx_far_signs(walk, x);
  return decide(it, a, b, c, it->mixing[NODES][orientation]);
}

static voxz_status begin(vx_task *task, void *any, const vx_walk *walk) {
  learner *it = any;
  VX_NEW(task, it->line, walk->band->size[2]);
  VX_NEW(task, it->leans, walk->band->size[2]);
  return VOXZ_OK;
}

static voxz_status decode_row(vx_task *task, void *any, vx_walk *walk, double *units) {
  learner *it = any;
  const uint32_t width = walk->band->size[2];
  const int64_t *outside = walk->sums + ((size_t)walk->z * walk->band->size[1] + walk->y) * width;
  VX_CHECK(task, it->coder->position <= it->coder->size, "the coefficients of a brick end early");
  vx_row_part(walk, it->line);
  vx_row_leaning(walk, it->leans);
  for (uint32_t x = 0; x < width; x++) {
    const expected of = expect(it, walk, x, outside[x]);
    const uint64_t size = decode_size(it, &of, walk->trellis->quantiser[walk->state]);
    VX_CHECK(task, size >> VX_MOST_BITS == 0, "the coefficients of a brick are damaged");
    const int negative = size && decode_sign(it, walk, x, of.all, size);
    vx_put(walk, x, negative ? -(int64_t)size : (int64_t)size, units);
  }
  return VOXZ_OK;
}

voxz_status vx_new_light(vx_task *task, vx_coder *coder, vx_profile *profile) {
  learner *it;
  VX_NEW(task, it, 1);
  VX_TRY(vx_new_odds(task, &it->odds));
  it->coder = coder;
  for (size_t i = 0; i < PLACES; i++) it->counters[i] = VX_UNDECIDED;
  double *weights = it->mixing[0][0];
  for (size_t i = 0; i < sizeof it->mixing / sizeof *weights; i++) weights[i] = VX_TRIPLE_START;
  for (unsigned i = 0; i < EXACT; i++) {
    it->bins[i] = (uint8_t)vx_bin(i);
    it->coarse_bins[i] = (uint8_t)vx_bin((int64_t)i << COARSE_BITS);
  }
  const vx_profile made = {it, begin, decode_row, NULL};
  *profile = made;
  return VOXZ_OK;
}
