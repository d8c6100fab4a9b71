/* Steps along z that follow motion: where blocks of odd slices were predicted from, and how they are undone. */

#ifndef VOXZ_MOTION_H
#define VOXZ_MOTION_H

#include "bytes.h"
#include "pyramid.h"

typedef enum vx_block_kind { VX_BOTH, VX_BEFORE, VX_AFTER } vx_block_kind;

/* A block: from which of the slices beside it, and for each the displacement along y and x, in quarters of a sample. */
typedef struct vx_block {
  uint8_t kind;
  int8_t from[2][2];
} vx_block;

/* For each scale that splits z, the blocks (odd slices, rows, columns). */
typedef struct vx_motion {
  unsigned side[VX_MOST_SCALES];
  uint32_t rows[VX_MOST_SCALES], columns[VX_MOST_SCALES];
  const vx_block *blocks[VX_MOST_SCALES];
} vx_motion;

/* A stream of fields, each the blocks of a slice, in rows; `both` says whether there is a slice after it. */
typedef struct vx_fields vx_fields;
voxz_status vx_begin_fields(vx_task *task, vx_bytes part, vx_fields **fields);
voxz_status vx_take_field(vx_task *task, vx_fields *fields, int both, uint32_t rows, uint32_t columns, vx_block *blocks);
voxz_status vx_end_fields(vx_task *task, const vx_fields *fields);

/* The fields of a payload, for volumes of the pyramid. */
voxz_status vx_read_motion(vx_task *task, vx_bytes part, const vx_pyramid *pyramid, const vx_motion **motion);

/* Merge the halves along z of the box that a scale splits, in place. */
voxz_status vx_merge_moved(vx_task *task, const vx_pyramid *pyramid, unsigned scale, double *volume);

/* Fill a slice of this height and width with what its field finds in the slices before and after it; the latter is not used where
   there was none. */
voxz_status vx_predict_moved(vx_task *task, const double *before, const double *after, const uint32_t size[2], unsigned side,
                             const vx_block *blocks, double *found);

#endif
