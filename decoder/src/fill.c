/* Smooth values for places of a volume that are unknown, by push and pull (Gortler et al., The Lumigraph, 1996, section 3.4): means
   of what is known over ever larger cubes; what is unknown gets that of the smallest cube around it that knows any; then a few
   rounds of means of the six neighbours. */

#include "reduce.h"

enum { ROUNDS = 8, MOST_DEPTH = 33 };

typedef struct level {
  uint32_t size[3];
  double *values, *known; /* sums, and how many places are behind each; then means */
} level;

static size_t places_of(const level *of) { return (size_t)of->size[0] * of->size[1] * of->size[2]; }

static int is_known(const level *of) {
  for (size_t i = 0; i < places_of(of); i++)
    if (!(of->known[i] > 0.0)) return 0;
  return 1;
}

static size_t cube_of(const level *coarse, size_t z, size_t y, size_t x) {
  return ((z >> 1) * coarse->size[1] + (y >> 1)) * coarse->size[2] + (x >> 1);
}

static void push(const level *fine, const level *coarse) {
  size_t i = 0;
  for (size_t z = 0; z < fine->size[0]; z++)
    for (size_t y = 0; y < fine->size[1]; y++)
      for (size_t x = 0; x < fine->size[2]; x++, i++) {
        const size_t cube = cube_of(coarse, z, y, x);
        if (!(fine->known[i] > 0.0)) continue;
        coarse->values[cube] += fine->values[i];
        coarse->known[cube] += fine->known[i];
      }
}

/* Means of sums; those of the coarse cubes, 0 where there are none, where nothing is known. */
static void pull(const level *fine, const level *coarse) {
  size_t i = 0;
  for (size_t z = 0; z < fine->size[0]; z++)
    for (size_t y = 0; y < fine->size[1]; y++)
      for (size_t x = 0; x < fine->size[2]; x++, i++) {
        if (fine->known[i] > 0.0)
          fine->values[i] /= fine->known[i];
        else
          fine->values[i] = coarse ? coarse->values[cube_of(coarse, z, y, x)] : 0.0;
      }
}

static voxz_status fill_cubes(vx_task *task, level levels[MOST_DEPTH]) {
  unsigned depth = 0;
  while (!is_known(&levels[depth]) && places_of(&levels[depth]) > 1) {
    level *coarse = &levels[depth + 1];
    for (unsigned axis = 0; axis < 3; axis++) coarse->size[axis] = (levels[depth].size[axis] + 1) / 2;
    VX_NEW(task, coarse->values, places_of(coarse));
    VX_NEW(task, coarse->known, places_of(coarse));
    push(&levels[depth], coarse);
    depth++;
  }
  for (unsigned k = depth + 1; k-- > 0;) pull(&levels[k], k < depth ? &levels[k + 1] : NULL);
  return VOXZ_OK;
}

static void smooth(const uint32_t size[3], const uint8_t *unknown, double *volume) {
  const size_t row = size[2], slice = row * size[1];
  size_t i = 0;
  for (size_t z = 0; z < size[0]; z++)
    for (size_t y = 0; y < size[1]; y++)
      for (size_t x = 0; x < size[2]; x++, i++) {
        if (!unknown[i]) continue;
        double total = volume[z > 0 ? i - slice : i] + volume[z + 1 < size[0] ? i + slice : i];
        total += volume[y > 0 ? i - row : i] + volume[y + 1 < size[1] ? i + row : i];
        total += volume[x > 0 ? i - 1 : i] + volume[x + 1 < size[2] ? i + 1 : i];
        volume[i] = total / 6.0;
      }
}

voxz_status vx_fill_unknown(vx_task *task, const uint32_t size[3], const uint8_t *unknown, double *volume) {
  level levels[MOST_DEPTH] = {{{size[0], size[1], size[2]}, volume, NULL}};
  const size_t places = places_of(&levels[0]), used = task->used;
  size_t some = 0;
  for (size_t i = 0; i < places; i++) some += unknown[i];
  if (!some) return VOXZ_OK;
  VX_NEW(task, levels[0].known, places);
  for (size_t i = 0; i < places; i++) levels[0].known[i] = unknown[i] ? 0.0 : 1.0;
  VX_TRY(fill_cubes(task, levels));
  for (unsigned round = 0; round < ROUNDS; round++) smooth(size, unknown, volume);
  task->used = used;
  return VOXZ_OK;
}
