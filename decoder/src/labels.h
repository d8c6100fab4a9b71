/* Codec 2: what its walk and the coding of a voxel share. */

#ifndef VOXZ_LABELS_H
#define VOXZ_LABELS_H

#include "label_counters.h"

enum {
  VX_LABEL_NEIGHBOURS = 30,
  VX_LABEL_MODES = 4,
  VX_LABEL_PATTERN = 12, /* neighbours of a pattern, the first ones */
  VX_LABEL_CANDIDATES = 3,
  VX_LABEL_HASHED = 1 << 16,
  VX_LABEL_ROW_STATES = 9
};

typedef struct vx_labels {
  vx_label_coder coder;
  int32_t *ids; /* padded */
  int64_t offsets[VX_LABEL_NEIGHBOURS];
  int64_t seen, count;
  unsigned mode, row_state, bits; /* bits of the largest id */
  vx_counter fresh;
  vx_counter patterns[VX_LABEL_MODES][1 << VX_LABEL_PATTERN];
  vx_counter runs[VX_LABEL_MODES][32];
  vx_counter same[VX_LABEL_MODES * 16][2];
  vx_counter hashed[VX_LABEL_INPUTS][VX_LABEL_HASHED];
  vx_counter tree[VX_LABEL_HASHED];
  int32_t first[VX_LABEL_MODES][VX_LABEL_CANDIDATES][8][VX_LABEL_INPUTS];
  int32_t second[VX_LABEL_ROW_STATES][VX_LABEL_CANDIDATES][64][VX_LABEL_INPUTS];
} vx_labels;

/* Decode voxel i, whose first candidate is known, and perhaps refused; false for an id that there is not. */
int vx_label_voxel(vx_labels *of, int64_t i, int32_t first, int refused);

/* Decode all ids of (volumes, slices, rows, columns); false for damage. `quiet` is room for a row and one more
   zero. Row y of slice k begins at vx_label_row. */
int vx_walk_labels(vx_labels *of, const int64_t sizes[4], int64_t certain, int repeats, uint8_t *quiet);
int64_t vx_label_row(const int64_t sizes[4], int64_t slice, int64_t y);
int64_t vx_padded_labels(const int64_t sizes[4]);

#endif
