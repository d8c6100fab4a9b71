#include "klt.h"

#include "integers.h"

enum { FEWEST_BITS = 4, MOST_BITS = 15, BLOCK = 256 };

voxz_status vx_read_basis(vx_task *task, vx_bytes part, uint32_t volumes, uint32_t components, double **basis) {
  vx_side side = {part};
  int64_t *bits, *entries;
  uint32_t *columns;
  const uint64_t count = (uint64_t)volumes * components;
  VX_TRY(vx_integers(task, &side, components, NULL, 0, &bits));
  VX_CHECK(task, count <= 8 * (uint64_t)vx_bytes_left(&side.bytes), "the basis of a series ends early");
  VX_NEW(task, columns, count);
  for (uint64_t i = 0; i < count; i++) {
    const int64_t column = bits[i / volumes];
    VX_CHECK(task, column >= FEWEST_BITS && column <= MOST_BITS, "the basis of a series has an impossible number of bits");
    columns[i] = (uint32_t)column;
  }
  VX_TRY(vx_integers(task, &side, count, columns, MOST_BITS + 1, &entries));
  VX_TRY(vx_side_end(task, &side));
  VX_NEW(task, *basis, count);
  for (uint32_t c = 0; c < components; c++)
    for (uint32_t v = 0; v < volumes; v++) {
      const int64_t entry = entries[(size_t)c * volumes + v], one = (int64_t)1 << bits[c];
      VX_CHECK(task, vx_magnitude(entry) <= one, "the basis of a series is out of bounds");
      (*basis)[(size_t)v * components + c] = (double)entry / (double)one;
    }
  return VOXZ_OK;
}

/* Samples of all components at a block of places; then each volume's sums, in the order of the components. */
voxz_status vx_mix(vx_task *task, const double *basis, uint32_t volumes, uint32_t components, size_t places, double *values) {
  const size_t used = task->used;
  double *block;
  VX_NEW(task, block, (uint64_t)components * BLOCK);
  for (size_t first = 0; first < places; first += BLOCK) {
    const size_t count = places - first < BLOCK ? places - first : BLOCK;
    for (uint32_t c = 0; c < components; c++) memcpy(block + (size_t)c * BLOCK, values + c * places + first, count * sizeof *values);
    for (uint32_t v = 0; v < volumes; v++) {
      double *target = values + v * places + first;
      for (size_t i = 0; i < count; i++) target[i] = 0.0;
      for (uint32_t c = 0; c < components; c++) {
        const double share = basis[(size_t)v * components + c], *source = block + (size_t)c * BLOCK;
        for (size_t i = 0; i < count; i++) target[i] += share * source[i];
      }
    }
  }
  task->used = used;
  return VOXZ_OK;
}
