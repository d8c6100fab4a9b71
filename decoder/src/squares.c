#include "squares.h"

#include <math.h>

enum { BLOCK = 8, PAUSE = 4 /* rows between solutions of a long memory */, TRIANGLE = VX_MOST_LOCAL * (VX_MOST_LOCAL + 1) / 2 };

static const double RIDGE = 1.0 / 8192, FLOOR = 0.01, LONG = 0.98;
/* Of settings 6, 7 and 9. */
static const double MEMORIES[3][VX_MOST_MEMORIES] = {{0.0, 0.0}, {0.953125, 0.0}, {0.90625, 0.9921875}};
static const uint8_t COUNTS[3] = {0, 1, 2}, TILES[3] = {32, 32, 16};

/* Tiles of so many voxels, or of larger ones where there would be too many. */
static void lay_tiles(const vx_padded *padded, int64_t tile, vx_squares *made) {
  enum { MOST_TILES = 2048 };
  for (made->tile = tile;; made->tile *= 2) {
    made->across = (padded->width + made->tile - 1) / made->tile;
    made->tiles = (padded->height + made->tile - 1) / made->tile * made->across;
    if (made->tiles <= MOST_TILES) break;
  }
}

voxz_status vx_new_squares(vx_task *task, const vx_padded *padded, unsigned settings, vx_squares *made) {
  const unsigned row = settings < 9 ? settings - 6 : 2;
  made->memories = COUNTS[row];
  memcpy(made->memory, MEMORIES[row], sizeof made->memory);
  lay_tiles(padded, TILES[row], made);
  const int64_t states = (int64_t)made->memories * 2 * made->tiles;
  VX_NEW(task, made->features, made->memories ? VX_MOST_LOCAL * padded->width : 2 * padded->width);
  VX_NEW(task, made->predicted, made->memories * padded->width);
  VX_NEW(task, made->scales, padded->width);
  VX_NEW(task, made->states, states * TRIANGLE);
  VX_NEW(task, made->solutions, states * VX_MOST_LOCAL);
  return VOXZ_OK;
}

voxz_status vx_new_regression(vx_task *task, const vx_padded *padded, int64_t tile, double memory, unsigned taps, double *scales,
                              vx_squares *made) {
  *made = (vx_squares){.memories = 1, .memory = {memory}, .taps = taps, .scales = scales};
  lay_tiles(padded, tile, made);
  VX_NEW(task, made->features, VX_MOST_LOCAL * padded->width);
  VX_NEW(task, made->states, made->tiles * TRIANGLE);
  VX_NEW(task, made->solutions, made->tiles * VX_MOST_LOCAL);
  return VOXZ_OK;
}

static size_t number_of(const vx_squares *of, unsigned memory, unsigned second, int64_t tile) {
  return ((size_t)memory * 2 + second) * (size_t)of->tiles + (size_t)tile;
}

double *vx_solution(const vx_squares *of, unsigned memory, const vx_slice *slice, int64_t tile) {
  return of->solutions + number_of(of, memory, slice->mode & 1, tile) * VX_MOST_LOCAL;
}

/* The second volume begins anew, since its neighbours are others. */
void vx_squares_enter(const vx_padded *padded, const vx_slice *slice, unsigned settings, vx_squares *of) {
  vx_tap taps[VX_MOST_LOCAL] = {{0, 0, 0, -1}, {0, 0, 0, -2}};
  of->taps = 2 + vx_list_taps(vx_local_taps(settings, slice->mode), taps + 2);
  for (unsigned t = 0; t < of->taps; t++) of->offsets[t] = vx_offset(padded, slice->series, taps[t]);
  if (slice->series == 1 && slice->z == 0) {
    const size_t states = (size_t)of->memories * 2 * (size_t)of->tiles;
    for (size_t i = 0; i < states * TRIANGLE; i++) of->states[i] = 0.0;
    for (size_t i = 0; i < states * VX_MOST_LOCAL; i++) of->solutions[i] = 0.0;
  }
}

void vx_squares_open(const vx_padded *padded, const vx_slice *slice, int64_t y, int64_t first, vx_squares *of) {
  const int64_t width = padded->width, first_tile = y / of->tile * of->across;
  const int32_t *above = padded->samples + first - padded->row;
  for (unsigned t = 2; t < of->taps && of->memories; t++) {
    const int32_t *there = padded->samples + first + of->offsets[t];
    for (int64_t x = 0; x < width; x++) of->features[t * width + x] = (double)there[x] - (double)above[x];
  }
  for (unsigned q = 0; q < of->memories; q++) {
    double *sums = of->predicted + q * width;
    for (int64_t x = 0; x < width; x++) sums[x] = 0.0;
    for (int64_t x0 = 0; x0 < width; x0 += of->tile) {
      const double *solution = vx_solution(of, q, slice, first_tile + x0 / of->tile);
      const int64_t x1 = vx_min(width, x0 + of->tile);
      for (unsigned t = 2; t < of->taps; t++)
        for (int64_t x = x0; x < x1; x++) sums[x] += solution[t] * of->features[t * width + x];
    }
  }
}

/* Add the outer products of eight voxels to the upper triangle of the moments. The order of the sums is the format's. */
static void add_block(double moments[VX_MOST_LOCAL][VX_MOST_LOCAL], double b[BLOCK][VX_MOST_LOCAL], unsigned size) {
  for (unsigned i = 0; i < size; i++)
    for (unsigned j = i; j < size; j++)
      moments[i][j] += (b[0][i] * b[0][j] + b[1][i] * b[1][j]) + (b[2][i] * b[2][j] + b[3][i] * b[3][j]) +
                       ((b[4][i] * b[4][j] + b[5][i] * b[5][j]) + (b[6][i] * b[6][j] + b[7][i] * b[7][j]));
}

/* Moments of voxels x0 to x1 of a row, each scaled; behind the last, blocks are filled with zeros. */
static void sum_moments(const vx_squares *of, int64_t width, int64_t x0, int64_t x1, double moments[VX_MOST_LOCAL][VX_MOST_LOCAL]) {
  double block[BLOCK][VX_MOST_LOCAL];
  const unsigned size = of->taps + 1;
  memset(moments, 0, sizeof(double) * VX_MOST_LOCAL * VX_MOST_LOCAL);
  for (int64_t first = x0; first < x1; first += BLOCK) {
    for (int64_t k = 0; k < BLOCK; k++) {
      const int64_t x = first + k, inside = vx_min(x, x1 - 1);
      const double scale = x < x1 ? of->scales[x] : 0.0;
      for (unsigned j = 0; j < size; j++) block[k][j] = scale * of->features[j * width + inside];
    }
    add_block(moments, block, size);
  }
}

/* Let the past fade and add what is new; returns the ridge. `state` has the rows of the upper triangle. */
static double fade(double *state, double moments[VX_MOST_LOCAL][VX_MOST_LOCAL], double memory, unsigned taps, double least) {
  double trace = 0.0;
  for (unsigned i = 0; i <= taps; i++) {
    for (unsigned j = i; j <= taps; j++) state[j - i] = memory * state[j - i] + moments[i][j];
    if (i < taps) trace += state[0];
    state += taps + 1 - i;
  }
  return RIDGE * trace / taps + least;
}

/* Cholesky decomposition of the upper triangle, row by row, and back substitution. */
static void solve(const double *state, double ridge, unsigned taps, double *solution) {
  double triangle[VX_MOST_LOCAL][VX_MOST_LOCAL];
  for (unsigned k = 0; k < taps; k++) {
    double *line = triangle[k];
    for (unsigned j = k; j <= taps; j++) line[j] = state[j - k];
    state += taps + 1 - k;
    line[k] += ridge;
    for (unsigned p = 0; p < k; p++) {
      const double factor = triangle[p][k];
      for (unsigned j = k; j <= taps; j++) line[j] -= factor * triangle[p][j];
    }
    const double inverse = 1.0 / sqrt(line[k] > FLOOR ? line[k] : FLOOR);
    for (unsigned j = k; j <= taps; j++) line[j] *= inverse;
  }
  for (unsigned i = taps; i-- > 0;) {
    double value = triangle[i][taps];
    for (unsigned j = i + 1; j < taps; j++) value -= triangle[i][j] * solution[j];
    solution[i] = value / triangle[i][i];
  }
}

void vx_squares_learn(const vx_squares *of, int64_t width, int64_t y, unsigned second, double least) {
  double moments[VX_MOST_LOCAL][VX_MOST_LOCAL];
  const int64_t first_tile = y / of->tile * of->across;
  for (int64_t x0 = 0; x0 < width; x0 += of->tile) {
    const int64_t tile = first_tile + x0 / of->tile;
    sum_moments(of, width, x0, vx_min(width, x0 + of->tile), moments);
    for (unsigned q = 0; q < of->memories; q++) {
      const size_t number = number_of(of, q, second, tile);
      double *state = of->states + number * TRIANGLE;
      const double ridge = fade(state, moments, of->memory[q], of->taps, least);
      if (of->memory[q] < LONG || y % PAUSE == 0) solve(state, ridge, of->taps, of->solutions + number * VX_MOST_LOCAL);
    }
  }
}

void vx_squares_close(const vx_padded *padded, const vx_slice *slice, int64_t y, int64_t first, vx_squares *of) {
  const int64_t width = padded->width;
  const int32_t *samples = padded->samples + first, *above = samples - padded->row;
  if (of->memories == 0) return;
  for (int64_t x = 0; x < width; x++) of->features[of->taps * width + x] = (double)samples[x] - (double)above[x];
  vx_squares_learn(of, width, y, slice->mode & 1, FLOOR);
}
