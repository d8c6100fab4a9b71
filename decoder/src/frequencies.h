/* Frequencies of tokens: sent on a coarse scale, brought to a given sum. */

#ifndef VOXZ_FREQUENCIES_H
#define VOXZ_FREQUENCIES_H

#include "task.h"

enum { VX_FREQUENCY_STEPS = 81 };

/* Turn places on the scale into frequencies that sum to `total`, in place; false for places that it does not have. */
int vx_frequencies(int64_t *steps, unsigned count, int64_t total);

#endif
