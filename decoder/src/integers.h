/* Side information: a sequence of arrays of signed integers in adaptive Golomb-Rice codes. */

#ifndef VOXZ_INTEGERS_H
#define VOXZ_INTEGERS_H

#include "bytes.h"

typedef struct vx_side {
  vx_bytes bytes;
} vx_side;

/* The next array, which must have `count` integers. `columns` gives the column of each, below `column_count`; NULL: all are in
   one. */
voxz_status vx_integers(vx_task *task, vx_side *side, uint64_t count, const uint32_t *columns, uint32_t column_count, int64_t **values);

/* The same into an array of the caller's, in one column. */
voxz_status vx_few_integers(vx_task *task, vx_side *side, unsigned count, int64_t *values);

/* Everything must have been read. */
voxz_status vx_side_end(vx_task *task, const vx_side *side);

#endif
