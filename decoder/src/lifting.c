/* 9/7 and 5/3, undone along one axis of a box. Lines that lie beside each other are worked on together. */

#include "pyramid.h"

#include <math.h>

enum { ACROSS = 64 };

static const double STEPS_97[4] = {-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971};
static const double LOW_97 = 1.1397639386376850, HIGH_97 = 0.88727710760788740;

/* Lines of which sample i of line c lies at `first[i * apart + c * beside]`. */
typedef struct lines {
  double *first;
  size_t length, apart, columns, beside;
} lines;

static void change(double *target, const double *before, const double *after, double factor, size_t columns) {
  for (size_t c = 0; c < columns; c++) target[c] += factor * (before[c] + after[c]);
}

/* Rows of `work` are samples, low ones first; in columns lie the lines. */
static void undo_97(double *work, size_t lows, size_t highs, size_t columns) {
  double *low = work, *high = work + lows * columns;
  for (int step = 3; step >= 0; step--) {
    if (step & 1)
      for (size_t i = 0; i < lows; i++)
        change(low + i * columns, high + (i ? i - 1 : 0) * columns, high + (i < highs ? i : highs - 1) * columns, -STEPS_97[step], columns);
    else
      for (size_t i = 0; i < highs; i++)
        change(high + i * columns, low + i * columns, low + (i + 1 < lows ? i + 1 : lows - 1) * columns, -STEPS_97[step], columns);
  }
}

/* Whole numbers, held exactly: magnitudes stay far below 2^53. */
static void undo_53(double *work, size_t lows, size_t highs, size_t columns) {
  double *low = work, *high = work + lows * columns;
  for (size_t i = 0; i < lows; i++) {
    const double *before = high + (i ? i - 1 : 0) * columns, *after = high + (i < highs ? i : highs - 1) * columns;
    for (size_t c = 0; c < columns; c++) low[i * columns + c] -= floor((before[c] + after[c] + 2.0) * 0.25);
  }
  for (size_t i = 0; i < highs; i++) {
    const double *before = low + i * columns, *after = low + (i + 1 < lows ? i + 1 : lows - 1) * columns;
    for (size_t c = 0; c < columns; c++) high[i * columns + c] += floor((before[c] + after[c]) * 0.5);
  }
}

static void merge_lines(const lines *of, double *work, int lossless) {
  const size_t lows = (of->length + 1) / 2, highs = of->length - lows, columns = of->columns;
  for (size_t i = 0; i < of->length; i++) {
    const double factor = lossless ? 1.0 : i < lows ? 1.0 / LOW_97 : 1.0 / HIGH_97;
    for (size_t c = 0; c < columns; c++) work[i * columns + c] = of->first[i * of->apart + c * of->beside] * factor;
  }
  (lossless ? undo_53 : undo_97)(work, lows, highs, columns);
  for (size_t i = 0; i < of->length; i++) {
    const size_t place = i < lows ? 2 * i : 2 * (i - lows) + 1;
    for (size_t c = 0; c < columns; c++) of->first[place * of->apart + c * of->beside] = work[i * columns + c];
  }
}

voxz_status vx_merge(vx_task *task, double *volume, const uint32_t size[3], const uint32_t box[3], unsigned axis, int lossless) {
  if (box[axis] < 2) return VOXZ_OK;
  const size_t strides[3] = {(size_t)size[1] * size[2], size[2], 1};
  const unsigned side = axis == 2 ? 1 : 2, other = 3 - axis - side; /* lines lie beside each other along `side` */
  const size_t used = task->used;
  double *work;
  const size_t across = box[side] < ACROSS ? box[side] : ACROSS;
  VX_NEW(task, work, box[axis] * across);
  for (size_t o = 0; o < box[other]; o++)
    for (size_t s = 0; s < box[side]; s += across) {
      const size_t columns = box[side] - s < across ? box[side] - s : across;
      const lines of = {volume + o * strides[other] + s * strides[side], box[axis], strides[axis], columns, strides[side]};
      merge_lines(&of, work, lossless);
    }
  task->used = used;
  return VOXZ_OK;
}
