#include "value_map.h"

#define LARGEST_DENSE (((int64_t)1 << 26) - 1)

enum { MOST_GAPS = 1 << 16, LARGEST_WITH_GAPS = 1 << 22 };

/* Numbers of up to 64 bits come as three. */
static voxz_status read_wide(vx_task *task, vx_side *side, int64_t *number) {
  int64_t part[3];
  VX_TRY(vx_few_integers(task, side, 3, part));
  VX_CHECK(task, vx_magnitude(part[0]) < (int64_t)1 << 18, "the value map is out of bounds");
  *number = part[0] * ((int64_t)1 << 44) + part[1] * ((int64_t)1 << 22) + part[2];
  return VOXZ_OK;
}

static voxz_status read_gaps(vx_task *task, vx_side *side, vx_values *made) {
  int64_t start = 0, skipped = 0;
  VX_TRY(vx_integers(task, side, (uint64_t)made->gaps, NULL, 0, &made->starts));
  VX_TRY(vx_integers(task, side, (uint64_t)made->gaps, NULL, 0, &made->skips));
  for (int64_t i = 0; i < made->gaps; i++) {
    VX_CHECK(task, made->starts[i] >= 1 && made->skips[i] >= 1, "the gaps of the value map are out of order");
    start += made->starts[i];
    skipped += made->skips[i];
    VX_CHECK(task, start <= made->highest, "the gaps of the value map are out of order");
    made->starts[i] = start;
    made->skips[i] = skipped;
  }
  return VOXZ_OK;
}

voxz_status vx_read_values(vx_task *task, vx_side *side, vx_values *made) {
  VX_TRY(read_wide(task, side, &made->low));
  VX_TRY(read_wide(task, side, &made->step));
  VX_TRY(read_wide(task, side, &made->highest));
  VX_TRY(vx_few_integers(task, side, 1, &made->gaps));
  const int bounded = made->highest >= 0 && made->highest <= LARGEST_DENSE && made->step >= 1 && made->step < (int64_t)1 << 32 &&
                      vx_magnitude(made->low) < (int64_t)1 << 33;
  VX_CHECK(task, bounded && made->gaps >= 0 && made->gaps <= vx_min(made->highest, MOST_GAPS), "the value map is out of bounds");
  VX_CHECK(task, made->gaps == 0 || made->highest <= LARGEST_WITH_GAPS, "a wide value map cannot have gaps");
  return read_gaps(task, side, made);
}

/* How many gaps begin at or below a dense value. */
static int64_t gaps_to(const vx_values *values, int64_t dense) {
  int64_t low = 0, high = values->gaps;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (values->starts[middle] <= dense)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

int64_t vx_stored_value(const vx_values *values, int64_t dense) {
  const int64_t gaps = gaps_to(values, dense);
  return values->low + values->step * (dense + (gaps ? values->skips[gaps - 1] : 0));
}

voxz_status vx_check_values(vx_task *task, const vx_values *values, const vx_brick *brick) {
  const int is_signed = brick->dtype == VOXZ_INT8 || brick->dtype == VOXZ_INT16 || brick->dtype == VOXZ_INT32;
  const int64_t range = (int64_t)1 << 8 * brick->itemsize, least = is_signed ? -range / 2 : 0;
  const int64_t skipped = values->gaps ? values->skips[values->gaps - 1] : 0;
  VX_CHECK(task, skipped < (int64_t)1 << 34, "the values of a brick do not fit its type");
  const int64_t positions = values->highest + skipped;
  const int fits = values->low >= least && values->low < least + range && positions <= (least + range - 1 - values->low) / values->step;
  VX_CHECK(task, fits, "the values of a brick do not fit its type");
  return VOXZ_OK;
}

voxz_status vx_start_store(vx_task *task, const vx_values *values, const vx_brick *brick, void *samples, vx_store *made) {
  *made = (vx_store){values, *brick, samples, NULL};
  VX_TRY(vx_check_values(task, values, brick));
  if (!values->gaps) return VOXZ_OK;
  VX_NEW(task, made->table, values->highest + 1);
  for (int64_t d = 0; d <= values->highest; d++) made->table[d] = vx_stored_value(values, d);
  return VOXZ_OK;
}

void vx_store_row(const vx_store *store, int64_t number, const int32_t *dense) {
  const vx_brick *brick = &store->brick;
  const int64_t rows = (int64_t)brick->z * brick->y, volume = number / rows, low = store->values->low, step = store->values->step;
  const size_t count = brick->x, apart = brick->channels, channel = (size_t)volume % apart;
  const size_t at = ((size_t)volume / apart * (size_t)rows + (size_t)(number % rows)) * count * apart + channel;
  void *samples = store->samples;
  if (store->table)
    for (size_t x = 0; x < count; x++) vx_put_sample(samples, at + x * apart, brick->itemsize, (uint64_t)store->table[dense[x]]);
  else if (brick->itemsize == 2)
    for (size_t x = 0; x < count; x++) vx_put_sample(samples, at + x * apart, 2, (uint64_t)((int32_t)low + (int32_t)step * dense[x]));
  else
    for (size_t x = 0; x < count; x++) vx_put_sample(samples, at + x * apart, brick->itemsize, (uint64_t)(low + step * dense[x]));
}
