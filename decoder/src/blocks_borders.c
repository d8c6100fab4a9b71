#include "blocks_borders.h"

#include <math.h>

/* Change of a sample, and bend up to which a border is smoothed, as parts of the step. */
static const double STRENGTH = 0.25, BEND = 1.0;

/* Difference across a border up to which it is smoothed over three samples, and change up to which over one, in strengths. */
static const double STEEPEST_STRONG = 2.5, STEEPEST = 10.0;

/* A value, but at most so far from another one. */
static double held(double value, double from, double most) {
  const double low = from - most, high = from + most, raised = value < low ? low : value;
  return high < raised ? high : raised;
}

/* Smooth a border where samples across it lie `s` apart, the first one behind it at `q`; `wide`: both blocks have 8 a side or more. */
static void smooth(double *q, ptrdiff_t s, int wide, double strength, double bend) {
  const double p2 = q[-3 * s], p1 = q[-2 * s], p0 = q[-s], q0 = q[0], q1 = q[s], q2 = q[2 * s];
  const double bent = fabs(p2 - 2.0 * p1 + p0) + fabs(q2 - 2.0 * q1 + q0);
  if (bent > bend) return;
  if (wide && bent < 0.25 * bend && fabs(p0 - q0) < STEEPEST_STRONG * strength) {
    const double p3 = q[-4 * s], q3 = q[3 * s], most = 2.0 * strength;
    q[-s] = held(0.125 * (p2 + 2.0 * p1 + 2.0 * p0 + 2.0 * q0 + q1), p0, most);
    q[-2 * s] = held(0.25 * (p2 + p1 + p0 + q0), p1, most);
    q[-3 * s] = held(0.125 * (2.0 * p3 + 3.0 * p2 + p1 + p0 + q0), p2, most);
    q[0] = held(0.125 * (p1 + 2.0 * p0 + 2.0 * q0 + 2.0 * q1 + q2), q0, most);
    q[s] = held(0.25 * (p0 + q0 + q1 + q2), q1, most);
    q[2 * s] = held(0.125 * (p0 + q0 + q1 + 3.0 * q2 + 2.0 * q3), q2, most);
    return;
  }
  const double change = 0.0625 * (9.0 * (q0 - p0) - 3.0 * (q1 - p1));
  if (fabs(change) <= STEEPEST * strength) {
    const double kept = held(change, 0.0, strength);
    q[-s] = p0 + kept;
    q[0] = q0 - kept;
  }
}

/* Whether a block begins at an entry of the maps, at this place along the axis. */
static int begins(uint8_t size, size_t place) { return !(place & ((1u << size) - 1)); }

void vx_smooth_borders(vx_block_slice *slice) {
  const size_t columns = vx_units(slice), width = slice->width;
  const double strength = STRENGTH * slice->step, bend = BEND * slice->step;
  for (size_t y = 0; y < slice->height; y++) {
    const uint8_t *sizes = slice->sizes + y / VX_UNIT * columns;
    for (size_t j = 1; j < columns; j++)
      if (begins(sizes[j], j)) smooth(slice->samples + y * width + VX_UNIT * j, 1, sizes[j] && sizes[j - 1], strength, bend);
  }
  for (size_t i = 1; i < slice->height / VX_UNIT; i++) {
    const uint8_t *sizes = slice->sizes + i * columns, *above = sizes - columns;
    for (size_t x = 0; x < width; x++)
      if (begins(sizes[x / VX_UNIT], i))
        smooth(slice->samples + VX_UNIT * i * width + x, (ptrdiff_t)width, sizes[x / VX_UNIT] && above[x / VX_UNIT], strength, bend);
  }
}
