#include "motion.h"

#include "coder.h"
#include "odds.h"

enum { FARTHEST = 63, LENGTH = 7, LEAST = 32, UNDECIDED = 32768 << 8 };

/* Counters of a number: is it longer than 0, 1, ... bits; its sign; its bits but the first, by place and whether they come first. */
typedef struct number_counters {
  uint32_t longer[LENGTH], sign, bits[LENGTH - 1][2];
} number_counters;

typedef struct counters {
  uint32_t as_west[2][2][3], as_north[2][2], kinds[4][2];
  number_counters numbers[2][2];
} counters;

struct vx_fields {
  vx_coder coder;
  vx_odds *odds;
  counters counters;
};

static unsigned decide(vx_fields *it, uint32_t *counter) {
  const unsigned bit = vx_bit(&it->coder, (uint32_t)vx_clamp(*counter >> 8, LEAST, 65536 - LEAST));
  *counter = vx_learnt(it->odds, *counter, bit);
  return bit;
}

static int take_number(vx_fields *it, number_counters *by) {
  int length = 0, found = 1;
  while (length < LENGTH && decide(it, &by->longer[length])) length++;
  if (!length) return 0;
  const int negative = (int)decide(it, &by->sign);
  for (int k = length - 2; k >= 0; k--) found = found << 1 | (int)decide(it, &by->bits[k][k == length - 2]);
  return negative ? -found : found;
}

static int is_used(const vx_block *block, unsigned which) { return block->kind != (which ? VX_BEFORE : VX_AFTER); }

static int same(const vx_block *a, const vx_block *b) {
  if (a->kind != b->kind) return 0;
  for (unsigned which = 0; which < 2; which++)
    if (is_used(a, which) && memcmp(a->from[which], b->from[which], sizeof a->from[which]) != 0) return 0;
  return 1;
}

/* Whether a block does as its west or, where that does otherwise, its north neighbour; it then does so. */
static int as_neighbour(vx_fields *it, vx_block *block, uint32_t columns, uint32_t i, uint32_t j) {
  const vx_block *west = block - 1, *north = block - columns;
  int alike = 0;
  if (j) {
    int more = j > 1 && same(west, west - 1), joined = 0;
    if (i) {
      alike = same(west, north);
      joined = same(north, north - 1);
      more += same(west, north - 1);
    }
    if (decide(it, &it->counters.as_west[alike][joined][more])) {
      *block = *west;
      return 1;
    }
  }
  if (i && !alike && decide(it, &it->counters.as_north[j > 0][i > 1 && same(north, north - columns)])) {
    *block = *north;
    return 1;
  }
  return 0;
}

/* A displacement that the neighbours of a block make likely. */
static int likely(const vx_block *block, uint32_t columns, uint32_t i, uint32_t j, unsigned which, unsigned axis) {
  if (!i) return j ? (block - 1)->from[which][axis] : 0;
  const int north = (block - columns)->from[which][axis];
  if (!j) return north;
  const int west = (block - 1)->from[which][axis];
  if (j + 1 == columns) return west;
  const int east = (block - columns + 1)->from[which][axis], low = west < north ? west : north, high = west < north ? north : west;
  return east < low ? low : east < high ? east : high;
}

voxz_status vx_begin_fields(vx_task *task, vx_bytes part, vx_fields **fields) {
  vx_fields *it;
  VX_NEW(task, it, 1);
  VX_TRY(vx_new_odds(task, &it->odds));
  it->coder = vx_coder_of(part.at, vx_bytes_left(&part));
  uint32_t *each = &it->counters.as_west[0][0][0];
  for (size_t i = 0; i < sizeof it->counters / sizeof *each; i++) each[i] = UNDECIDED;
  *fields = it;
  return VOXZ_OK;
}

voxz_status vx_take_field(vx_task *task, vx_fields *it, int both, uint32_t rows, uint32_t columns, vx_block *block) {
  VX_CHECK(task, it->coder.position <= it->coder.size, "the displacements of a brick are damaged");
  for (uint32_t i = 0; i < rows; i++)
    for (uint32_t j = 0; j < columns; j++, block++) {
      if (as_neighbour(it, block, columns, i, j)) continue;
      block->kind = VX_BEFORE;
      if (both) {
        uint32_t *by = it->counters.kinds[j ? (block - 1)->kind + 1 : 0];
        block->kind = (uint8_t)decide(it, &by[0]);
        if (block->kind != VX_BOTH) block->kind = (uint8_t)(block->kind + decide(it, &by[1]));
      }
      for (unsigned which = 0; which < 2; which++)
        for (unsigned axis = 0; axis < 2; axis++) {
          int found = likely(block, columns, i, j, which, axis);
          if (is_used(block, which)) found += take_number(it, &it->counters.numbers[which][axis]);
          VX_CHECK(task, found >= -FARTHEST && found <= FARTHEST, "a displacement of a brick is out of bounds");
          block->from[which][axis] = (int8_t)found;
        }
    }
  return VOXZ_OK;
}

voxz_status vx_end_fields(vx_task *task, const vx_fields *it) {
  VX_CHECK(task, it->coder.position == it->coder.size, "the displacements of a brick are damaged");
  return VOXZ_OK;
}

static voxz_status take_scale(vx_task *task, vx_fields *it, const uint32_t size[3], unsigned scale, vx_motion *motion) {
  const uint32_t side = scale ? 8 : 16, rows = (size[1] - 1) / side + 1, columns = (size[2] - 1) / side + 1, slices = size[0] / 2;
  vx_block *blocks;
  VX_NEW(task, blocks, (uint64_t)slices * rows * columns);
  motion->side[scale] = side;
  motion->rows[scale] = rows;
  motion->columns[scale] = columns;
  motion->blocks[scale] = blocks;
  for (uint32_t k = 0; k < slices; k++)
    VX_TRY(vx_take_field(task, it, 2 * k + 2 < size[0], rows, columns, blocks + (size_t)k * rows * columns));
  return VOXZ_OK;
}

voxz_status vx_read_motion(vx_task *task, vx_bytes part, const vx_pyramid *pyramid, const vx_motion **motion) {
  vx_fields *fields;
  vx_motion *made;
  VX_TRY(vx_begin_fields(task, part, &fields));
  VX_NEW(task, made, 1);
  for (unsigned scale = 0; scale < pyramid->scales[0]; scale++) {
    uint32_t size[3];
    vx_lowest(pyramid, scale, size);
    VX_TRY(take_scale(task, fields, size, scale, made));
  }
  *motion = made;
  return vx_end_fields(task, fields);
}
