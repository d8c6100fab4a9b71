/* The padded array of settings 10: column x of a row lies in phase x mod phases at place x div phases. */

#ifndef VOXZ_INTERLACED_ROWS_H
#define VOXZ_INTERLACED_ROWS_H

#include "padding.h"

enum { VX_BORDER = 4, VX_ROWS_ABOVE = 2, VX_MOST_PHASES = 4 };

typedef struct vx_rows {
  int64_t series, depth, height, width;
  int64_t phases, columns;              /* of a row; of its first phase, others may have one fewer */
  int64_t stride, row, slice, volume;   /* samples from a phase, row, slice, volume to the next */
  int16_t *samples, *errors;
} vx_rows;

voxz_status vx_new_rows(vx_task *task, const vx_brick *brick, int64_t phases, vx_rows *rows);

/* Place of the first column of a row. */
int64_t vx_row_place(const vx_rows *rows, int64_t s, int64_t z, int64_t y);

/* From place i of the first phase to the sample at `dx` columns from place i of a phase, and rows and slices away. */
int64_t vx_row_offset(const vx_rows *rows, int64_t phase, int dz, int dy, int dx);

int64_t vx_columns_of(const vx_rows *rows, int64_t phase);

/* Borders, in the order of the walk: rows above a slice, from the slice at `source`; sides of a phase; the row below. */
void vx_rows_open(const vx_rows *rows, int64_t start, int64_t source);
void vx_rows_close_phase(const vx_rows *rows, int64_t origin, int64_t phase);
void vx_rows_close(const vx_rows *rows, int64_t start);

#endif
