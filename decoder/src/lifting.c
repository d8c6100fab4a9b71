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

static double *sample_of(const lines *of, size_t i, size_t c) { return of->first + i * of->apart + c * of->beside; }

/* Where sample i of the halves, low ones first, lies in the line. */
static size_t place_of(const lines *of, size_t i) {
  const size_t lows = (of->length + 1) / 2;
  return i < lows ? 2 * i : 2 * (i - lows) + 1;
}

#define REAL double
#define CHANGE change
#define UNDO_97 undo_97
#define MERGE_97 merge_97
#include "lifting_97.inc"
#undef REAL
#undef CHANGE
#undef UNDO_97
#undef MERGE_97
#define REAL float
#define CHANGE change_single
#define UNDO_97 undo_97_single
#define MERGE_97 merge_97_single
#include "lifting_97.inc"

/* Whole numbers, held exactly: magnitudes stay far below 2^53. */
static void merge_53(const lines *of, double *work) {
  const size_t lows = (of->length + 1) / 2, highs = of->length - lows, columns = of->columns;
  double *low = work, *high = work + lows * columns;
  for (size_t i = 0; i < of->length; i++)
    for (size_t c = 0; c < columns; c++) work[i * columns + c] = *sample_of(of, i, c);
  for (size_t i = 0; i < lows; i++) {
    const double *before = high + (i ? i - 1 : 0) * columns, *after = high + (i < highs ? i : highs - 1) * columns;
    for (size_t c = 0; c < columns; c++) low[i * columns + c] -= floor((before[c] + after[c] + 2.0) * 0.25);
  }
  for (size_t i = 0; i < highs; i++) {
    const double *before = low + i * columns, *after = low + (i + 1 < lows ? i + 1 : lows - 1) * columns;
    for (size_t c = 0; c < columns; c++) high[i * columns + c] += floor((before[c] + after[c]) * 0.5);
  }
  for (size_t i = 0; i < of->length; i++)
    for (size_t c = 0; c < columns; c++) *sample_of(of, place_of(of, i), c) = work[i * columns + c];
}

voxz_status vx_merge(vx_task *task, double *volume, const uint32_t size[3], const uint32_t box[3], unsigned axis, vx_lifting lifting) {
  if (box[axis] < 2) return VOXZ_OK;
  const size_t strides[3] = {(size_t)size[1] * size[2], size[2], 1};
  const unsigned side = axis == 2 ? 1 : 2, other = 3 - axis - side; /* lines lie beside each other along `side` */
  const size_t used = task->used, across = box[side] < ACROSS ? box[side] : ACROSS;
  double *work;
  float *singles;
  VX_NEW(task, work, box[axis] * across);
  VX_NEW(task, singles, lifting == VX_SINGLE_97 ? box[axis] * across : 0);
  for (size_t o = 0; o < box[other]; o++)
    for (size_t s = 0; s < box[side]; s += across) {
      const size_t columns = box[side] - s < across ? box[side] - s : across;
      const lines of = {volume + o * strides[other] + s * strides[side], box[axis], strides[axis], columns, strides[side]};
      if (lifting == VX_53)
        merge_53(&of, work);
      else if (lifting == VX_97)
        merge_97(&of, work);
      else
        merge_97_single(&of, singles);
    }
  task->used = used;
  return VOXZ_OK;
}
