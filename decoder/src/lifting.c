/* 9/7 and 5/3 along one axis of a box, and undone. Lines that lie beside each other are worked on together. */

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
#define STEP_97 step_97
#define MERGE_97 merge_97
#define SPLIT_97 split_97
#include "lifting_97.inc"
#undef REAL
#undef CHANGE
#undef STEP_97
#undef MERGE_97
#undef SPLIT_97
#define REAL float
#define CHANGE change_single
#define STEP_97 step_97_single
#define MERGE_97 merge_97_single
#define SPLIT_97 split_97_single
#include "lifting_97.inc"

/* The halves of whole numbers, held exactly: magnitudes stay far below 2^53. */
static void change_lows(double *work, size_t lows, size_t highs, size_t columns, double sign) {
  const double *high = work + lows * columns;
  for (size_t i = 0; i < lows; i++) {
    const double *before = high + (i ? i - 1 : 0) * columns, *after = high + (i < highs ? i : highs - 1) * columns;
    for (size_t c = 0; c < columns; c++) work[i * columns + c] += sign * floor((before[c] + after[c] + 2.0) * 0.25);
  }
}

static void change_highs(double *work, size_t lows, size_t highs, size_t columns, double sign) {
  double *high = work + lows * columns;
  for (size_t i = 0; i < highs; i++) {
    const double *before = work + i * columns, *after = work + (i + 1 < lows ? i + 1 : lows - 1) * columns;
    for (size_t c = 0; c < columns; c++) high[i * columns + c] += sign * floor((before[c] + after[c]) * 0.5);
  }
}

static void lift_53(const lines *of, double *work, int forward) {
  const size_t lows = (of->length + 1) / 2, highs = of->length - lows, columns = of->columns;
  for (size_t i = 0; i < of->length; i++)
    for (size_t c = 0; c < columns; c++) work[i * columns + c] = *sample_of(of, forward ? place_of(of, i) : i, c);
  if (forward) change_highs(work, lows, highs, columns, -1.0);
  change_lows(work, lows, highs, columns, forward ? 1.0 : -1.0);
  if (!forward) change_highs(work, lows, highs, columns, 1.0);
  for (size_t i = 0; i < of->length; i++)
    for (size_t c = 0; c < columns; c++) *sample_of(of, forward ? i : place_of(of, i), c) = work[i * columns + c];
}

voxz_status vx_lift(vx_task *task, double *volume, const uint32_t size[3], const uint32_t box[3], unsigned axis, vx_lifting lifting,
                    int forward) {
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
        lift_53(&of, work, forward);
      else if (lifting == VX_97)
        forward ? split_97(&of, work) : merge_97(&of, work);
      else
        forward ? split_97_single(&of, singles) : merge_97_single(&of, singles);
    }
  task->used = used;
  return VOXZ_OK;
}
