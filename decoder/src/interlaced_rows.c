#include "interlaced_rows.h"

enum { ROWS_BELOW = 1 };

voxz_status vx_new_rows(vx_task *task, const vx_brick *brick, int64_t phases, vx_rows *made) {
  made->series = (int64_t)brick->series * brick->channels;
  made->depth = brick->z;
  made->height = brick->y;
  made->width = brick->x;
  made->phases = phases;
  made->columns = (made->width + phases - 1) / phases;
  made->stride = made->columns + 2 * VX_BORDER;
  made->row = phases * made->stride;
  made->slice = (made->height + VX_ROWS_ABOVE + ROWS_BELOW) * made->row;
  made->volume = made->depth * made->slice;
  VX_NEW(task, made->samples, made->series * made->volume);
  VX_NEW(task, made->errors, made->series * made->volume);
  return VOXZ_OK;
}

int64_t vx_row_place(const vx_rows *in, int64_t s, int64_t z, int64_t y) {
  return s * in->volume + z * in->slice + (y + VX_ROWS_ABOVE) * in->row + VX_BORDER;
}

int64_t vx_row_offset(const vx_rows *in, int64_t phase, int dz, int dy, int dx) {
  const int64_t column = phase + dx, place = vx_floor_divide(column, in->phases), other = column - place * in->phases;
  return dz * in->slice + dy * in->row + other * in->stride + place;
}

int64_t vx_columns_of(const vx_rows *in, int64_t phase) { return (in->width - phase + in->phases - 1) / in->phases; }

static void copy_row(int16_t *of, int64_t to, int64_t from, int64_t length) {
  memcpy(of + to, of + from, (size_t)length * sizeof *of);
}

void vx_rows_open(const vx_rows *in, int64_t start, int64_t source) {
  for (int64_t y = 0; y < VX_ROWS_ABOVE; y++) {
    copy_row(in->samples, start + y * in->row, source + VX_ROWS_ABOVE * in->row, in->row);
    copy_row(in->errors, start + y * in->row, source + VX_ROWS_ABOVE * in->row, in->row);
  }
}

static void repeat_sides(int16_t *first, int64_t count) {
  for (int64_t i = 1; i <= VX_BORDER; i++) {
    first[-i] = first[0];
    first[count - 1 + i] = first[count - 1];
  }
}

void vx_rows_close_phase(const vx_rows *in, int64_t origin, int64_t phase) {
  const int64_t count = vx_columns_of(in, phase);
  repeat_sides(in->samples + origin + phase * in->stride, count);
  repeat_sides(in->errors + origin + phase * in->stride, count);
}

void vx_rows_close(const vx_rows *in, int64_t start) {
  const int64_t last = start + (VX_ROWS_ABOVE + in->height - 1) * in->row;
  copy_row(in->samples, last + in->row, last, in->row);
  copy_row(in->errors, last + in->row, last, in->row);
}
