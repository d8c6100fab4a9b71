#include "reduce.h"

#include "bytes.h"
#include "numbers.h"
#include "pyramid.h"

#include <math.h>

enum { SLICES = 12 };

static const double LARGEST = 1e300, DOUBTFUL = 0.3;

/* A part of the samples (series, z, y, x, channels) of a brick, as a brick of its own. */
typedef struct part {
  vx_brick brick;
  const uint8_t *samples;
  size_t series, z, y; /* bytes from one to the next */
} part;

static const uint8_t *sample_of(const part *of, size_t s, size_t z, size_t y, size_t x, size_t c) {
  const vx_brick *brick = &of->brick;
  return of->samples + s * of->series + z * of->z + y * of->y + (x * brick->channels + c) * brick->itemsize;
}

static part part_from(const vx_brick *brick, const void *samples, const uint32_t first[3]) {
  part it = {*brick, samples, 0, 0, 0};
  it.y = (size_t)brick->x * brick->channels * brick->itemsize;
  it.z = it.y * brick->y;
  it.series = it.z * brick->z;
  it.brick.z -= first[0];
  it.brick.y -= first[1];
  it.brick.x -= first[2];
  it.samples = sample_of(&it, 0, first[0], first[1], first[2], 0);
  return it;
}

/* Every so-many-th sample, as it is. */
static void keep_samples(const part *from, const unsigned halvings[3], uint8_t *reduced) {
  const vx_brick *brick = &from->brick;
  const size_t voxel = (size_t)brick->channels * brick->itemsize;
  for (size_t s = 0; s < brick->series; s++)
    for (size_t z = 0; z < brick->z; z += (size_t)1 << halvings[0])
      for (size_t y = 0; y < brick->y; y += (size_t)1 << halvings[1])
        for (size_t x = 0; x < brick->x; x += (size_t)1 << halvings[2], reduced += voxel) memcpy(reduced, sample_of(from, s, z, y, x, 0), voxel);
}

/* Whether samples are alike in all channels of a map: few of those that are not inside a constant region equal none of their
   neighbours west, north, north-west and north-east. */
static int looks_like_map(const part *of) {
  const vx_brick *brick = &of->brick;
  const size_t slices = (size_t)brick->series * brick->channels * brick->z, step = (slices + SLICES - 1) / SLICES;
  uint64_t surprising = 0, rough = 0;
  if (brick->y < 2 || brick->x < 3) return 0;
  for (size_t slice = slices / 2 % step; slice < slices; slice += step) {
    const size_t s = slice / brick->z / brick->channels, c = slice / brick->z % brick->channels, z = slice % brick->z;
    for (size_t y = 1; y < brick->y; y++)
      for (size_t x = 1; x + 1 < brick->x; x++) {
        const uint8_t *here = sample_of(of, s, z, y, x, c), *north = here - of->y;
        const size_t item = brick->itemsize, voxel = item * brick->channels;
        const int west = !memcmp(here, here - voxel, item), above = !memcmp(here, north, item);
        const int left = !memcmp(here, north - voxel, item), right = !memcmp(here, north + voxel, item);
        surprising += !(west | above | left | right);
        rough += !(west & above & left & right);
      }
  }
  return (double)surprising / (double)(rough ? rough : 1) < DOUBTFUL;
}

static int can_be_averaged(const part *of) {
  const voxz_dtype dtype = of->brick.dtype;
  const int number = (dtype >= VOXZ_INT8 && dtype <= VOXZ_UINT32) || (dtype >= VOXZ_FLOAT16 && dtype <= VOXZ_FLOAT64);
  return number && !looks_like_map(of);
}

/* Samples as doubles (series * channels, z, y, x). */
static voxz_status numbers_of(vx_task *task, const part *of, double **numbers) {
  const vx_brick *brick = &of->brick;
  double *to;
  VX_NEW(task, *numbers, vx_brick_samples(brick));
  to = *numbers;
  for (size_t s = 0; s < brick->series; s++)
    for (size_t c = 0; c < brick->channels; c++)
      for (size_t z = 0; z < brick->z; z++)
        for (size_t y = 0; y < brick->y; y++)
          for (size_t x = 0; x < brick->x; x++) *to++ = vx_get_number(brick->dtype, sample_of(of, s, z, y, x, c), 0);
  return VOXZ_OK;
}

/* What is not averaged: background, NaN and infinities. Least and largest of the rest; returns whether there is a rest. */
static int find_missing(const vx_brick *brick, const double *numbers, const uint8_t *background, uint8_t *missing, double *low, double *high) {
  const size_t places = (size_t)brick->z * brick->y * brick->x, count = vx_brick_samples(brick);
  int some = 0;
  for (size_t i = 0; i < count; i++) {
    missing[i] = background[i / places / brick->channels * places + i % places] || !vx_is_finite(numbers[i]);
    if (missing[i]) continue;
    *low = some && *low < numbers[i] ? *low : numbers[i];
    *high = some && *high > numbers[i] ? *high : numbers[i];
    some = 1;
  }
  return some && fabs(*low) <= LARGEST && fabs(*high) <= LARGEST;
}

/* Put the averages of a volume (a channel of one of the series) in the place of the known samples of the reduced brick. */
static void put_averages(const vx_brick *brick, const unsigned halvings[3], const double *averages, const uint8_t *missing, double low,
                         double high, uint8_t *reduced) {
  size_t at = 0;
  for (size_t z = 0; z < brick->z; z += (size_t)1 << halvings[0])
    for (size_t y = 0; y < brick->y; y += (size_t)1 << halvings[1])
      for (size_t x = 0; x < brick->x; x += (size_t)1 << halvings[2], at++) {
        if (missing[(z * brick->y + y) * brick->x + x]) continue;
        const double rounded = vx_is_whole(brick->dtype) ? floor(averages[at] + 0.5) : averages[at];
        const double held = rounded > low ? rounded : low;
        vx_put_number(brick->dtype, reduced, at * brick->channels, held < high ? held : high);
      }
}

/* Averages of all volumes, each filled where it is missing. */
static voxz_status average(vx_task *task, const vx_brick *brick, double *numbers, const uint8_t *missing, const unsigned halvings[3],
                           double low, double high, uint8_t *reduced) {
  const vx_pyramid pyramid = {{brick->z, brick->y, brick->x}, {halvings[0], halvings[1], halvings[2]}, VX_97, 0, NULL, NULL};
  const size_t places = (size_t)brick->z * brick->y * brick->x, volumes = (size_t)brick->series * brick->channels;
  const unsigned deepest = vx_deepest(&pyramid);
  uint32_t box[3];
  double *averages;
  vx_lowest(&pyramid, deepest, box);
  const size_t kept = (size_t)box[0] * box[1] * box[2];
  VX_NEW(task, averages, kept);
  for (size_t v = 0; v < volumes; v++) {
    double *volume = numbers + v * places;
    VX_TRY(vx_fill_unknown(task, pyramid.size, missing + v * places, volume));
    VX_TRY(vx_analyse(task, &pyramid, volume));
    vx_take_low(volume, pyramid.size, box, VX_97, vx_gain(&pyramid, deepest), averages);
    uint8_t *target = reduced + (v / brick->channels * kept * brick->channels + v % brick->channels) * brick->itemsize;
    put_averages(brick, halvings, averages, missing + v * places, low, high, target);
  }
  return VOXZ_OK;
}

voxz_status vx_reduce(vx_task *task, const vx_brick *brick, const void *samples, const uint32_t first[3], const unsigned halvings[3],
                      int names, void *reduced) {
  const part from = part_from(brick, samples, first);
  const size_t used = task->used, count = vx_brick_samples(&from.brick);
  double *numbers, low = 0, high = 0;
  uint8_t *background, *missing;
  keep_samples(&from, halvings, reduced);
  if (names || !can_be_averaged(&from)) return VOXZ_OK;
  VX_TRY(numbers_of(task, &from, &numbers));
  VX_NEW(task, background, count / from.brick.channels);
  VX_NEW(task, missing, count);
  VX_TRY(vx_find_background(task, &from.brick, numbers, background));
  if (find_missing(&from.brick, numbers, background, missing, &low, &high))
    VX_TRY(average(task, &from.brick, numbers, missing, halvings, low, high, reduced));
  task->used = used;
  return VOXZ_OK;
}
