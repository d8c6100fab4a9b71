#include "frequencies.h"

/* Steps 0 to 16 mean themselves, then eight make a factor of two. */
static const int32_t COUNTS[VX_FREQUENCY_STEPS] = {
    0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15,   16,
    17,  19,  21,  23,  25,  27,  29,  32,  35,  38,  41,  45,  49,  54,  59,  64,   70,
    76,  83,  91,  99,  108, 117, 128, 140, 152, 166, 181, 197, 215, 235, 256, 279,  304,
    332, 362, 395, 431, 470, 512, 558, 609, 664, 724, 790, 861, 939, 1024, 1117, 1218, 1328,
    1448, 1579, 1722, 1878, 2048, 2233, 2435, 2656, 2896, 3158, 3444, 3756, 4096};

/* Every count is scaled and rounded, those that are not 0 to 1 or more. Returns what that gives too much. */
static int64_t scale(int64_t *counts, unsigned count, int64_t total, int64_t sum, unsigned *largest) {
  int64_t given = 0;
  *largest = 0;
  for (unsigned i = 0; i < count; i++) {
    if (counts[i] > 0) counts[i] = vx_max(1, (counts[i] * total + sum / 2) / sum);
    given += counts[i];
    if (counts[i] > counts[*largest]) *largest = i;
  }
  return given - total;
}

/* Take too much back from the frequent ones in proportion, round after round; give too little likewise. */
static void spread(int64_t *frequencies, unsigned count, int64_t excess, unsigned largest) {
  while (excess != 0)
    for (unsigned i = 0; i < count && excess != 0; i++) {
      const int64_t f = frequencies[i];
      if (!(f > 8 || (f > 1 && f == frequencies[largest]))) continue;
      const int64_t share = vx_max(1, vx_min(vx_magnitude(excess), f >> 6)) * (excess > 0 ? 1 : -1);
      if (f - share < 1) continue;
      frequencies[i] = f - share;
      excess -= share;
    }
}

int vx_frequencies(int64_t *steps, unsigned count, int64_t total) {
  int64_t sum = 0;
  unsigned largest;
  for (unsigned i = 0; i < count; i++) {
    if (steps[i] < 0 || steps[i] >= VX_FREQUENCY_STEPS) return 0;
    steps[i] = COUNTS[steps[i]];
    sum += steps[i];
  }
  if (sum == 0) {
    steps[0] = total;
    return 1;
  }
  const int64_t excess = scale(steps, count, total, sum, &largest);
  spread(steps, count, excess, largest);
  return 1;
}
