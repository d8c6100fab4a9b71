#include "filters.h"

enum { LARGEST_WEIGHT = 1 << 15 };

static int is_precision(int64_t bits) { return bits == 7 || bits == 9 || bits == 11; }

static voxz_status read_weights(vx_task *task, vx_side *side, unsigned count, unsigned taps, const int64_t **weights) {
  int64_t *found;
  uint32_t *columns;
  VX_CHECK(task, (uint64_t)count * taps <= 8 * (uint64_t)vx_bytes_left(&side->bytes), "the filters of a brick end early");
  VX_NEW(task, columns, count * taps);
  for (unsigned i = 0; i < count * taps; i++) columns[i] = i % taps;
  VX_TRY(vx_integers(task, side, count * taps, columns, taps, &found));
  for (unsigned i = 0; i < count * taps; i++)
    VX_CHECK(task, vx_magnitude(found[i]) <= LARGEST_WEIGHT, "the filters of a brick are out of bounds");
  *weights = found;
  return VOXZ_OK;
}

voxz_status vx_read_filters(vx_task *task, vx_side *side, unsigned classes, unsigned taps, vx_filters *filters) {
  int64_t head[2], *of_class;
  VX_TRY(vx_few_integers(task, side, 2, head));
  memset(filters, 0, sizeof *filters);
  if (!head[0] && !head[1]) return VOXZ_OK;
  VX_CHECK(task, head[0] > 0 && head[0] <= classes && is_precision(head[1]), "the filters of a brick are out of bounds");
  filters->count = (unsigned)head[0];
  filters->precision = (unsigned)head[1];
  VX_TRY(vx_integers(task, side, classes, NULL, 0, &of_class));
  for (unsigned i = 0; i < classes; i++)
    VX_CHECK(task, of_class[i] >= -1 && of_class[i] < head[0], "the filters of a brick are out of bounds");
  filters->of_class = of_class;
  return read_weights(task, side, filters->count, taps, &filters->weights);
}
