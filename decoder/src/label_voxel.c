#include "labels.h"

enum { FRESH_LIMIT = 30, TREE_LIMIT = 30, LOW_BITS = 0x7F };

static const uint32_t SPREAD = 0x3C6EF35F, SPREAD_AGAIN = 0x41C64E6D, MULTIPLIER = 0x2545F491;

/* Neighbours that each of the first five contexts looks at: in the slice; in the one before; beyond; most; all. */
static const uint32_t MASKS[VX_LABEL_INPUTS - 1] = {0x1C0F061F, 0x0000F9E7, 0x00F081EF, 0x000FFFFF, 0x3FFFFFFF};

static uint32_t hash(uint64_t key) {
  const uint64_t product = key * MULTIPLIER;
  return (uint32_t)((product >> 14 ^ product >> 31) & (VX_LABEL_HASHED - 1));
}

/* Number of the first neighbour from k on that is neither of two ids. */
static unsigned next_other(const vx_labels *of, int64_t i, unsigned k, int32_t first, int32_t second) {
  while (k < VX_LABEL_NEIGHBOURS && (of->ids[i + of->offsets[k]] == first || of->ids[i + of->offsets[k]] == second)) k++;
  return k;
}

static uint32_t equal_to(const vx_labels *of, int64_t i, int32_t candidate) {
  uint32_t equal = 0;
  for (unsigned n = 0; n < VX_LABEL_NEIGHBOURS; n++) equal |= (uint32_t)(of->ids[i + of->offsets[n]] == candidate) << n;
  return equal;
}

/* Whether the voxel is a candidate; `rival` is what else it could be. */
static unsigned is_candidate(vx_labels *of, uint32_t equal, int32_t candidate, int32_t rival, unsigned turn) {
  vx_counter *counters[VX_LABEL_INPUTS];
  for (unsigned k = 0; k + 1 < VX_LABEL_INPUTS; k++) counters[k] = &of->hashed[k][hash((uint64_t)(equal & MASKS[k]) + ((uint64_t)turn << 31))];
  const uint32_t pair = (uint32_t)candidate * SPREAD ^ ((uint32_t)rival * 4 + turn);
  const uint32_t key = pair * SPREAD_AGAIN ^ ((equal & LOW_BITS) | of->row_state << 7);
  counters[VX_LABEL_INPUTS - 1] = &of->hashed[VX_LABEL_INPUTS - 1][hash(key)];
  return vx_mixed_bit(&of->coder, counters, of->first[of->mode][turn][equal & 7], of->second[of->row_state][turn][equal >> 3 & 63]);
}

/* An id that none of the candidates is: the next one never seen, or bit by bit. */
static int other_id(vx_labels *of, int64_t i, int32_t first) {
  if (of->seen < of->count && vx_counted_bit(&of->coder, &of->fresh, FRESH_LIMIT)) {
    of->ids[i] = (int32_t)of->seen++;
    return 1;
  }
  uint32_t node = 1;
  for (unsigned k = 0; k < of->bits; k++)
    node = node << 1 | vx_counted_bit(&of->coder, &of->tree[hash((uint32_t)first * SPREAD ^ node)], TREE_LIMIT);
  of->ids[i] = (int32_t)(node - ((uint32_t)1 << of->bits));
  return of->ids[i] < of->count;
}

/* The neighbour that is first to differ from the candidate, or the last. */
static int32_t rival_of(const vx_labels *of, int64_t i, uint32_t equal) {
  unsigned n = 0;
  while (n < VX_LABEL_NEIGHBOURS - 1 && equal >> n & 1) n++;
  return of->ids[i + of->offsets[n]];
}

int vx_label_voxel(vx_labels *of, int64_t i, int32_t first, int refused) {
  unsigned k = 0;
  int32_t candidate = first, second = first;
  for (unsigned turn = refused ? 1 : 0; turn < VX_LABEL_CANDIDATES; turn++) {
    if (turn > 0) {
      k = next_other(of, i, k, first, second);
      if (k == VX_LABEL_NEIGHBOURS) break;
      candidate = of->ids[i + of->offsets[k]];
      if (turn == 1) second = candidate;
    }
    const uint32_t equal = equal_to(of, i, candidate);
    const int32_t rival = turn == 0 ? rival_of(of, i, equal) : first;
    if (is_candidate(of, equal, candidate, rival, turn)) {
      of->ids[i] = candidate;
      return 1;
    }
  }
  return other_id(of, i, first);
}
