/* The two steps of 5/3 along z between displaced blocks, undone; and the first of them alone. */

#include "motion.h"

enum { REACH = 3, MOST_SIDE = 16, ROOM = 2 * MOST_SIDE + 2 * REACH + 1 };

static const double LEAST = 0.5;

/* For displacements by 0 to 3 quarters of a sample, in 1/64. */
static const double TAPS[4][8] = {
    {0, 0, 0, 64, 0, 0, 0, 0}, {-1, 4, -10, 58, 17, -5, 1, 0}, {-1, 4, -11, 40, 40, -11, 4, -1}, {0, 1, -5, 17, 58, -10, 4, -1}};

typedef double patch[ROOM][ROOM];

/* What the steps of a scale share. */
typedef struct lifting {
  size_t height, width, side;
  uint32_t rows, columns;
  patch taken, across, displaced;
  double *total, *sums; /* of an even slice: what came back to it, times weights, and these */
} lifting;

/* Where a block reaches to: half a side beyond its borders, within the slice. */
typedef struct reach {
  size_t top, left, rows, columns;
} reach;

static void reach_along(size_t block, size_t side, size_t length, size_t *first, size_t *count) {
  const size_t begin = block * side, end = begin + side + side / 2;
  *first = block ? begin - side / 2 : 0;
  *count = (end < length ? end : length) - *first;
}

static reach reach_of(const lifting *it, uint32_t i, uint32_t j) {
  reach found;
  reach_along(i, it->side, it->height, &found.top, &found.rows);
  reach_along(j, it->side, it->width, &found.left, &found.columns);
  return found;
}

/* Weight of a block at a place: 1 at its centre, fading to 0 at that of the next; 1 beyond the centre of the outermost. */
static double weight_at(size_t place, uint32_t block, uint32_t blocks, size_t side) {
  const double away = (2.0 * (double)place + 1.0) / (2.0 * (double)side) - (double)block - 0.5, far = away < 0 ? -away : away;
  if ((!block && away < 0) || (block + 1 == blocks && away > 0)) return 1.0;
  return 1.0 - far * far * (3.0 - 2.0 * far);
}

static size_t within(int64_t place, size_t length) { return (size_t)vx_clamp(place, 0, (int64_t)length - 1); }

/* The sum of eight samples `apart`, by their taps. */
static double filtered(const double *from, size_t apart, const double taps[8]) {
  double sum = taps[0] * (1.0 / 64) * from[0];
  for (size_t k = 1; k < 8; k++) sum += taps[k] * (1.0 / 64) * from[k * apart];
  return sum;
}

/* What lies at a reach of an even slice, displaced. */
static void displace(lifting *it, const double *plane, const reach *to, const int8_t from[2]) {
  const int down = from[0] & 3, right = from[1] & 3;
  const int64_t y = (int64_t)to->top + vx_right(from[0], 2) - REACH, x = (int64_t)to->left + vx_right(from[1], 2) - REACH;
  for (size_t r = 0; r < to->rows + 2 * REACH + 1; r++) {
    const double *source = plane + within(y + (int64_t)r, it->height) * it->width;
    for (size_t c = 0; c < to->columns + 2 * REACH + 1; c++) it->taken[r][c] = source[within(x + (int64_t)c, it->width)];
    for (size_t c = 0; c < to->columns; c++)
      it->across[r][c] = right ? filtered(&it->taken[r][c], 1, TAPS[right]) : it->taken[r][c + REACH];
  }
  for (size_t r = 0; r < to->rows; r++)
    for (size_t c = 0; c < to->columns; c++)
      it->displaced[r][c] = down ? filtered(&it->across[r][c], ROOM, TAPS[down]) : it->across[r + REACH][c];
}

static int is_used(const vx_block *block, unsigned which) { return block->kind != (which ? VX_BEFORE : VX_AFTER); }

static void predict(lifting *it, const double *const beside[2], const vx_block *block, double *high) {
  for (uint32_t i = 0; i < it->rows; i++)
    for (uint32_t j = 0; j < it->columns; j++, block++) {
      const reach to = reach_of(it, i, j);
      const double share = block->kind == VX_BOTH ? 0.5 : 1.0;
      for (unsigned which = 0; which < 2; which++) {
        if (!is_used(block, which)) continue;
        displace(it, beside[which], &to, block->from[which]);
        for (size_t r = 0; r < to.rows; r++) {
          const double weight = share * weight_at(to.top + r, i, it->rows, it->side);
          double *row = high + (to.top + r) * it->width + to.left;
          for (size_t c = 0; c < to.columns; c++)
            row[c] += weight * weight_at(to.left + c, j, it->columns, it->side) * it->displaced[r][c];
        }
      }
    }
}

/* Add a row of an odd slice to the even slice that it was predicted from, `right` samples on, with these weights. */
static void give_row(lifting *it, const double *source, const double *weights, double share, size_t columns, size_t row, int64_t right) {
  double *total = it->total + row * it->width, *sums = it->sums + row * it->width;
  for (size_t c = 0; c < columns; c++) {
    const size_t place = within(right + (int64_t)c, it->width);
    total[place] += share * weights[c] * source[c];
    sums[place] += share * weights[c];
  }
}

static void give_block(lifting *it, const double *high, const vx_block *block, unsigned which, uint32_t i, uint32_t j) {
  const reach to = reach_of(it, i, j);
  const int8_t *from = block->from[which];
  double weights[2 * MOST_SIDE];
  for (size_t c = 0; c < to.columns; c++) weights[c] = weight_at(to.left + c, j, it->columns, it->side);
  for (size_t r = 0; r < to.rows; r++) {
    const double weight = (block->kind == VX_BOTH ? 0.5 : 1.0) * weight_at(to.top + r, i, it->rows, it->side);
    for (unsigned corner = 0; corner < 4; corner++) {
      const unsigned p = corner >> 1, q = corner & 1;
      const double down = 0.25 * (from[0] & 3), right = 0.25 * (from[1] & 3), part = (p ? down : 1 - down) * (q ? right : 1 - right);
      if (part <= 0) continue;
      const size_t row = within((int64_t)(to.top + r) + vx_right(from[0], 2) + p, it->height);
      give_row(it, high + (to.top + r) * it->width + to.left, weights, weight * part, to.columns, row,
               (int64_t)to.left + vx_right(from[1], 2) + q);
    }
  }
}

static void give_back(lifting *it, const double *high, const vx_block *block, unsigned which) {
  for (uint32_t i = 0; i < it->rows; i++)
    for (uint32_t j = 0; j < it->columns; j++, block++)
      if (is_used(block, which)) give_block(it, high, block, which, i, j);
}

static void undo_update(lifting *it, double *low) {
  for (size_t k = 0; k < it->height * it->width; k++) {
    low[k] -= 0.5 * it->total[k] / (it->sums[k] > LEAST ? it->sums[k] : LEAST);
    it->total[k] = it->sums[k] = 0.0;
  }
}

static void undo_steps(lifting *it, const vx_block *blocks, double *low, size_t lows, double *high, size_t highs) {
  const size_t plane = it->height * it->width, field = (size_t)it->rows * it->columns;
  for (size_t k = 0; k < lows; k++) {
    if (k) give_back(it, high + (k - 1) * plane, blocks + (k - 1) * field, 1);
    if (k < highs) give_back(it, high + k * plane, blocks + k * field, 0);
    undo_update(it, low + k * plane);
  }
  for (size_t k = 0; k < highs; k++) {
    const double *const beside[2] = {low + k * plane, low + (k + 1 < lows ? k + 1 : k) * plane};
    predict(it, beside, blocks + k * field, high + k * plane);
  }
}

voxz_status vx_merge_moved(vx_task *task, const vx_pyramid *pyramid, unsigned scale, double *volume) {
  const vx_motion *motion = pyramid->motion;
  const size_t used = task->used;
  uint32_t box[3];
  lifting *it;
  double *low;
  vx_lowest(pyramid, scale, box);
  if (box[0] < 2) return VOXZ_OK;
  const size_t lows = (box[0] + 1) / 2, plane = (size_t)box[1] * box[2];
  VX_NEW(task, it, 1);
  VX_NEW(task, low, box[0] * plane);
  VX_NEW(task, it->total, plane);
  VX_NEW(task, it->sums, plane);
  it->height = box[1];
  it->width = box[2];
  it->side = motion->side[scale];
  it->rows = motion->rows[scale];
  it->columns = motion->columns[scale];
  for (size_t z = 0; z < box[0]; z++)
    for (size_t y = 0; y < box[1]; y++)
      memcpy(low + z * plane + y * box[2], volume + (z * pyramid->size[1] + y) * pyramid->size[2], box[2] * sizeof *low);
  undo_steps(it, motion->blocks[scale], low, lows, low + lows * plane, box[0] - lows);
  for (size_t z = 0; z < box[0]; z++) {
    const double *slice = low + (z % 2 ? lows + z / 2 : z / 2) * plane;
    for (size_t y = 0; y < box[1]; y++)
      memcpy(volume + (z * pyramid->size[1] + y) * pyramid->size[2], slice + y * box[2], box[2] * sizeof *low);
  }
  task->used = used;
  return VOXZ_OK;
}

voxz_status vx_predict_moved(vx_task *task, const double *before, const double *after, const uint32_t size[2], unsigned side,
                             const vx_block *blocks, double *found) {
  const double *const beside[2] = {before, after};
  const size_t used = task->used;
  lifting *it;
  VX_NEW(task, it, 1);
  it->height = size[0];
  it->width = size[1];
  it->side = side;
  it->rows = (size[0] - 1) / side + 1;
  it->columns = (size[1] - 1) / side + 1;
  memset(found, 0, it->height * it->width * sizeof *found);
  predict(it, beside, blocks, found);
  task->used = used;
  return VOXZ_OK;
}
