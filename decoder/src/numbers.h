/* Samples as doubles, and doubles as samples of a type: integers of 8 to 32 bits, floats of 16 to 64. */

#ifndef VOXZ_NUMBERS_H
#define VOXZ_NUMBERS_H

#include "task.h"

/* Least and largest finite sample of a type. */
void vx_limits(voxz_dtype dtype, double *low, double *high);

int vx_is_whole(voxz_dtype dtype);
double vx_get_number(voxz_dtype dtype, const void *samples, size_t index);

/* `value` within the limits of the type, rounded to it: floats half to even, integers towards zero. */
void vx_put_number(voxz_dtype dtype, void *samples, size_t index, double value);

/* Bits of the float16 nearest to a number, half to even; too large ones become infinite. */
uint16_t vx_half_of(double value);
double vx_from_half(uint16_t bits);

int vx_is_finite(double value);

#endif
