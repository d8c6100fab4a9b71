#include "padding.h"

enum { MOST_BESIDE = 4, MOST_BELOW = 2 };

/* Borders repeat samples: what lies farther than an axis is long equals what lies as far. */
voxz_status vx_padded_of(vx_task *task, const vx_brick *brick, vx_padded *made) {
  made->series = (int64_t)brick->series * brick->channels;
  made->depth = brick->z;
  made->height = brick->y;
  made->width = brick->x;
  made->left = vx_min(MOST_BESIDE, made->width);
  made->right = vx_min(MOST_BESIDE, vx_max(1, made->width - 1));
  made->below = vx_min(MOST_BELOW, vx_max(1, made->height - 1));
  made->around = made->depth > 1;
  made->row = made->left + made->width + made->right;
  made->slice = (VX_TOP + made->height + made->below) * made->row;
  made->volume = (made->depth + 2 * made->around) * made->slice;
  made->size = (made->series + (made->series > 1)) * made->volume;
  VX_NEW(task, made->samples, made->size + MOST_BESIDE); /* groups of neighbours reach beyond the last one */
  VX_NEW(task, made->errors, made->size);
  VX_NEW(task, made->total, made->series > 1 ? made->volume : 0);
  return VOXZ_OK;
}

voxz_status vx_keep_shorts(vx_task *task, vx_padded *padded) {
  VX_NEW(task, padded->shorts, padded->size + MOST_BESIDE);
  for (int64_t i = 0; i < padded->size + MOST_BESIDE; i++) padded->shorts[i] = -VX_CENTRE;
  return VOXZ_OK;
}

int64_t vx_place(const vx_padded *in, int64_t s, int64_t z, int64_t y) {
  return s * in->volume + (z + in->around) * in->slice + (y + VX_TOP) * in->row + in->left;
}

int64_t vx_offset(const vx_padded *in, int64_t series, vx_tap tap) {
  const int64_t of_mean = in->series;
  const int64_t target = tap.volume == 0 ? series : tap.volume == 3 ? of_mean : in->references[2 * series + tap.volume - 1];
  const int64_t dz = in->depth > 1 ? tap.dz : 0;
  const int64_t dy = vx_min(tap.dy, in->below), dx = vx_clamp(tap.dx, -in->left, in->right);
  return (target - series) * in->volume + dz * in->slice + dy * in->row + dx;
}

static void copy(const vx_padded *in, int64_t to, int64_t from, int64_t length) {
  memcpy(in->samples + to, in->samples + from, (size_t)length * sizeof *in->samples);
  memcpy(in->errors + to, in->errors + from, (size_t)length * sizeof *in->errors);
  if (in->shorts) memcpy(in->shorts + to, in->shorts + from, (size_t)length * sizeof *in->shorts);
}

static void shorten(const vx_padded *in, int64_t from, int64_t length) {
  for (int64_t i = from; in->shorts && i < from + length; i++) in->shorts[i] = (int16_t)(in->samples[i] - VX_CENTRE);
}

/* Above a slice stands the first row of the one before it, three times. */
static void open_slice(const vx_padded *in, int64_t start, int64_t source) {
  for (int64_t y = 0; y < VX_TOP; y++) copy(in, start + y * in->row, source + VX_TOP * in->row, in->row);
}

vx_slice vx_enter_slice(const vx_padded *in, int64_t series, int64_t z) {
  vx_slice at = {series, z, series * in->volume + (z + in->around) * in->slice, -2 * in->row, (z > 0) + 2u * (series > 0)};
  const int64_t to_reference = series > 0 ? (in->references[2 * series] - series) * in->volume : 0;
  if (z > 0) at.beside = -in->slice;
  if (series > 0) at.beside = to_reference;
  if (at.mode > 0) open_slice(in, at.start, z > 0 ? at.start - in->slice : at.start + to_reference);
  return at;
}

/* Left of a row stands the first sample of the row above. */
static void open_row(const vx_padded *in, int32_t *of, int64_t first) {
  for (int64_t i = first - in->left; i < first; i++) of[i] = of[first - in->row];
}

int64_t vx_open_row(const vx_padded *in, const vx_slice *slice, int64_t y) {
  const int64_t first = slice->start + (y + VX_TOP) * in->row + in->left;
  open_row(in, in->samples, first);
  open_row(in, in->errors, first);
  return first;
}

/* Right of a row stands its last sample. */
static void close_row(const vx_padded *in, int32_t *of, int64_t first) {
  const int64_t behind = first + in->width;
  for (int64_t i = behind; i < behind + in->right; i++) of[i] = of[behind - 1];
}

void vx_close_row(const vx_padded *in, int64_t first) {
  close_row(in, in->samples, first);
  close_row(in, in->errors, first);
  shorten(in, first - in->left, in->row);
}

/* Below a slice stands its last row; in front of a volume its first slice, behind it the last. */
static void leave_slice(const vx_padded *in, const vx_slice *slice) {
  const int64_t last = slice->start + (VX_TOP + in->height - 1) * in->row;
  for (int64_t y = 1; y <= in->below; y++) copy(in, last + y * in->row, last, in->row);
  if (in->around && slice->z == 0) copy(in, slice->start - in->slice, slice->start, in->slice);
  if (in->around && slice->z == in->depth - 1) copy(in, slice->start + in->slice, slice->start, in->slice);
}

/* The running mean, rounded, with its border. */
static void update_mean(const vx_padded *in, int64_t series) {
  const int64_t count = series + 1;
  const int32_t *volume = in->samples + series * in->volume;
  int32_t *mean = in->samples + in->series * in->volume;
  for (int64_t i = 0; i < in->volume; i++) {
    in->total[i] += volume[i];
    mean[i] = (int32_t)((2 * in->total[i] + count) / (2 * count));
  }
  shorten(in, in->series * in->volume, in->volume);
}

void vx_leave_slice(const vx_padded *in, const vx_slice *slice) {
  leave_slice(in, slice);
  if (slice->z == in->depth - 1 && in->series > 1) update_mean(in, slice->series);
}
