/* The code of a block: is it split, what predicts it, and the indices of its coefficients. All decisions learn. */

#ifndef VOXZ_BLOCKS_CODE_H
#define VOXZ_BLOCKS_CODE_H

#include "blocks_slice.h"
#include "bytes.h"
#include "triple.h"

enum {
  VX_KINDS = 2 * VX_SIZES,  /* of blocks: their size, and whether other slices predict them */
  VX_CLASSES = 7,           /* bits of the number of diagonals of a block that have indices, from 0 on */
  VX_CANDIDATES = 7,        /* modes that are asked for one by one */
  VX_REST = 1 << 5,         /* room for the numbers of all others */
  VX_FEATURES = 6,          /* of the expected magnitude */
  VX_DECISIONS = 8,         /* about a magnitude that are told apart */
  VX_AROUND_CLASSES = 10, VX_BESIDE_CLASSES = 8, VX_EXPECTED_CLASSES = 24,
  VX_FREQUENCY_CLASSES = 5, VX_FREQUENCIES = 16, /* the latter along an axis */
  VX_MOST_EXPECTED = 64 << 5 /* in 1/32 */
};

/* The three counters of each decision. */
typedef struct vx_block_counters {
  uint32_t split_near[VX_SIZES][3][3], split_sizes[VX_SIZES][VX_SIZES + 1][VX_SIZES + 1], split_kind[VX_SIZES][3];
  uint32_t across_near[3][3][VX_SIZES], across_before[3][3][2], across_kind[VX_SIZES][3];
  uint32_t candidate_size[VX_CANDIDATES][2][VX_SIZES], candidate_mode[VX_CANDIDATES][VX_MODES][2], candidate_flat[VX_CANDIDATES][3][2];
  uint32_t rest[VX_REST], rest_size[VX_SIZES][VX_REST], rest_flat[2][VX_REST];
  uint32_t last_near[VX_KINDS][VX_CLASSES][8][8], last_sum[VX_KINDS][VX_CLASSES][15], last_mode[VX_KINDS][VX_CLASSES][4];
  uint32_t low[VX_KINDS][VX_CLASSES][64], low_near[VX_CLASSES][64][8], low_class[VX_CLASSES][64];
  uint32_t by_beside[VX_BESIDE_CLASSES][VX_AROUND_CLASSES][VX_FREQUENCY_CLASSES][VX_DECISIONS];
  uint32_t by_frequency[VX_KINDS][VX_FREQUENCIES][VX_FREQUENCIES][VX_DECISIONS];
  uint32_t by_expected[VX_EXPECTED_CLASSES][VX_FREQUENCY_CLASSES][VX_DECISIONS];
} vx_block_counters;

/* Weights of these counters. */
typedef struct vx_block_weights {
  double split[VX_SIZES][3], across[3], candidate[VX_CANDIDATES][3], rest[3];
  double last[VX_KINDS][VX_CLASSES][3], low[VX_CLASSES][3], size[VX_KINDS][VX_DECISIONS][3];
} vx_block_weights;

typedef struct vx_block_code {
  vx_coder coder;
  vx_odds *odds;
  vx_block_counters counters;
  vx_block_weights weights;
  double features[VX_KINDS][VX_FEATURES]; /* weights of the expected magnitude */
  vx_square means[VX_KINDS];              /* mean magnitude by frequency */
  uint8_t classes[VX_MOST_EXPECTED + 1];  /* of an expected magnitude */
} vx_block_code;

voxz_status vx_new_block_code(vx_task *task, vx_bytes stream, vx_block_code **code);

/* Of a block at a place of the slice: is it split, what predicts it, how many diagonals have indices. */
unsigned vx_block_is_split(vx_block_code *code, const vx_block_slice *slice, size_t y, size_t x, unsigned size);
unsigned vx_block_mode(vx_block_code *code, const vx_block_slice *slice, size_t y, size_t x, unsigned size);
unsigned vx_block_last(vx_block_code *code, const vx_block_slice *slice, size_t y, size_t x, unsigned size, unsigned mode);

/* The indices of a block, which are 0 before; `last` is below two sides. */
voxz_status vx_block_indices(vx_task *task, vx_block_code *code, vx_block_slice *slice, size_t y, size_t x, unsigned size, unsigned mode,
                             unsigned last);

/* The kind of a block. */
static inline unsigned vx_kind_of(unsigned size, unsigned mode) { return size + (mode == VX_ACROSS ? VX_SIZES : 0); }

#endif
