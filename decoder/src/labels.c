/* Codec 2: labels, ids by what their neighbours are. */

#include "labels.h"

#include "checksum.h"
#include "codecs.h"
#include "integers.h"

enum { MOST_IDS = 1 << 21, PARTS = 3, PART_BITS = 22, WIDEST = 1 << 24, HIGH_BITS = 64 - 2 * PART_BITS, FIRST_WEIGHT = 8192 };

static voxz_status read_palette(vx_task *task, const uint8_t *bytes, size_t size, const vx_brick *brick, uint64_t **palette, int64_t *count) {
  vx_side side = {vx_bytes_of(bytes, size)};
  int64_t *parts, sum[PARTS] = {0, 0, 0};
  uint32_t *columns;
  VX_TRY(vx_few_integers(task, &side, 1, count));
  const int bounded = *count >= 1 && *count <= MOST_IDS && (uint64_t)*count <= vx_brick_samples(brick);
  VX_CHECK(task, bounded && PARTS * (uint64_t)*count <= 8 * (uint64_t)size, "a palette has an impossible number of values");
  VX_NEW(task, columns, PARTS * *count);
  for (int64_t i = 0; i < PARTS * *count; i++) columns[i] = (uint32_t)(i % PARTS);
  VX_TRY(vx_integers(task, &side, (uint64_t)(PARTS * *count), columns, PARTS, &parts));
  VX_TRY(vx_side_end(task, &side));
  VX_NEW(task, *palette, *count);
  for (int64_t i = 0; i < *count; i++) {
    for (unsigned p = 0; p < PARTS; p++) {
      sum[p] += *parts++;
      VX_CHECK(task, sum[p] >= 0 && sum[p] >> (p ? PART_BITS : HIGH_BITS) == 0, "a value of a palette is out of bounds");
    }
    const uint64_t value = (uint64_t)sum[0] << 2 * PART_BITS | (uint64_t)sum[1] << PART_BITS | (uint64_t)sum[2];
    VX_CHECK(task, brick->itemsize == 8 || value >> 8 * brick->itemsize == 0, "a value of a palette does not fit the samples");
    (*palette)[i] = value;
  }
  return VOXZ_OK;
}

static void start(vx_labels *made) {
  vx_counter *const groups[] = {&made->fresh, &made->patterns[0][0], &made->runs[0][0], &made->same[0][0], &made->hashed[0][0], made->tree};
  const size_t sizes[] = {sizeof made->fresh, sizeof made->patterns, sizeof made->runs, sizeof made->same, sizeof made->hashed, sizeof made->tree};
  for (unsigned g = 0; g < sizeof groups / sizeof *groups; g++)
    for (size_t i = 0; i < sizes[g] / sizeof(vx_counter); i++) groups[g][i] = VX_FRESH_COUNTER;
  int32_t *const weights[] = {&made->first[0][0][0][0], &made->second[0][0][0][0]};
  const size_t counts[] = {sizeof made->first / sizeof(int32_t), sizeof made->second / sizeof(int32_t)};
  for (unsigned g = 0; g < 2; g++)
    for (size_t i = 0; i < counts[g]; i++) weights[g][i] = FIRST_WEIGHT;
}

static voxz_status decode_ids(vx_task *task, const uint8_t *stream, size_t size, unsigned level, int repeats, const int64_t sizes[4],
                              int64_t count, vx_labels *made) {
  static const int64_t SURE[] = {1, 2, 4, 20, 100};
  const int64_t always = (int64_t)1 << VX_LABEL_CHANCE_BITS;
  uint8_t *quiet;
  start(made);
  made->seen = 1;
  made->count = count;
  while ((count - 1) >> made->bits) made->bits++;
  VX_TRY(vx_new_label_coder(task, stream, size, &made->coder));
  VX_NEW(task, quiet, sizes[3] + 1);
  const int sound = vx_walk_labels(made, sizes, always - always / SURE[level - 1], repeats, quiet);
  VX_CHECK(task, sound && made->coder.bits.position == size, "the coded ids of a labels brick are damaged");
  return VOXZ_OK;
}

/* The palette has the bytes of a sample as one number: those of a complex one are two floats. */
static void put_label(void *samples, size_t at, const vx_brick *brick, uint64_t value) {
  if (brick->dtype != VOXZ_COMPLEX64) {
    vx_put_sample(samples, at, brick->itemsize, value);
    return;
  }
  vx_put_sample(samples, 2 * at, 4, value);
  vx_put_sample(samples, 2 * at + 1, 4, value >> 32);
}

static void paint(const vx_labels *from, const uint64_t *palette, const int64_t sizes[4], const vx_brick *brick, void *samples) {
  size_t at = 0;
  for (int64_t s = 0; s < brick->series; s++)
    for (int64_t z = 0; z < sizes[1]; z++)
      for (int64_t y = 0; y < sizes[2]; y++)
        for (int64_t x = 0; x < sizes[3]; x++)
          for (int64_t c = 0; c < brick->channels; c++) {
            const int64_t slice = (s * brick->channels + c) * sizes[1] + z;
            put_label(samples, at++, brick, palette[from->ids[vx_label_row(sizes, slice, y) + x]]);
          }
}

voxz_status vx_decode_labels(vx_task *task, const uint8_t *payload, size_t size, const vx_brick *brick, void *samples) {
  const int64_t sizes[4] = {(int64_t)brick->series * brick->channels, brick->z, brick->y, brick->x};
  vx_bytes from = vx_bytes_of(payload, size);
  const uint32_t check = vx_u32(&from);
  const unsigned level = vx_u8(&from), repeats = vx_u8(&from);
  const uint32_t side_length = vx_u32(&from);
  const uint8_t *side = vx_bytes_take(&from, side_length);
  uint64_t *palette;
  int64_t count;
  vx_labels *made;
  VX_CHECK(task, !from.overrun && VX_FITS(vx_crc32(0, payload + 4, size - 4) == check), "the checksum of a labels brick does not match");
  if (level < 1 || level > 5 || repeats > 1) return vx_fail(task, VOXZ_UNSUPPORTED, "a labels brick has a level that format 1.0 does not know");
  VX_CHECK(task, vx_padded_labels(sizes) <= vx_max(WIDEST, 8 * (int64_t)vx_brick_samples(brick)), "a labels brick is too thin");
  VX_TRY(read_palette(task, side, side_length, brick, &palette, &count));
  VX_NEW(task, made, 1);
  VX_NEW(task, made->ids, vx_padded_labels(sizes));
  if (count > 1)
    VX_TRY(decode_ids(task, from.at, vx_bytes_left(&from), level, (int)repeats, sizes, count, made));
  else
    VX_CHECK(task, vx_bytes_left(&from) == 0, "bytes are left over behind the single value of a labels brick");
  paint(made, palette, sizes, brick, samples);
  return VOXZ_OK;
}
