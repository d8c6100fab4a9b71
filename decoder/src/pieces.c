/* The stream of pieces: verbatim bytes of all files, in chunks that are unpacked one at a time. */

#include "bytes.h"
#include "catalogue.h"
#include "stored.h"

#define LONGEST_TOLD ((uint64_t)1 << 20)

/* A piece by steps over its reference: copied bytes, new ones, bytes passed over. */
static voxz_status retell(vx_task *task, vx_bytes *steps, vx_bytes *fresh, const uint8_t *reference, uint64_t there, uint8_t *piece, uint64_t length) {
  uint64_t done = 0, at = 0;
  while (done < length) {
    const uint64_t copied = vx_varint(steps), given = vx_varint(steps), skipped = vx_varint(steps);
    const int inside = copied <= length - done && given <= length - done - copied && copied <= there - at && skipped <= there - at - copied;
    VX_CHECK(task, inside && copied + given + skipped > 0 && !steps->overrun, "the steps of a piece of the file lead out of it");
    memcpy(piece + done, reference + at, (size_t)copied);
    const uint8_t *new_bytes = vx_bytes_take(fresh, given);
    VX_CHECK(task, new_bytes, "a chunk of pieces ends early");
    memcpy(piece + done + copied, new_bytes, (size_t)given);
    done += copied + given;
    at += copied + skipped;
  }
  return VOXZ_OK;
}

static voxz_status tell_pieces(vx_task *task, vx_catalogue *of, const vx_chunk *chunk, vx_bytes *raw) {
  const uint64_t length_of_steps = vx_varint(raw);
  const uint8_t *told = vx_bytes_take(raw, length_of_steps);
  VX_CHECK(task, told && !raw->overrun, "a chunk of pieces ends early");
  vx_bytes steps = vx_bytes_of(told, (size_t)length_of_steps);
  of->starts[0] = 0;
  for (uint64_t i = 0; i < chunk->pieces; i++) {
    const vx_piece *piece = &of->piece[chunk->first_piece + i];
    uint8_t *to = of->bytes + of->starts[i];
    of->starts[i + 1] = of->starts[i] + piece->length;
    const uint64_t before = i >= piece->of ? i - piece->of : i;
    const uint64_t there = of->starts[before + 1] - of->starts[before];
    if (before < i && there <= LONGEST_TOLD && piece->length <= LONGEST_TOLD) {
      VX_TRY(retell(task, &steps, raw, of->bytes + of->starts[before], there, to, piece->length));
      continue;
    }
    const uint8_t *all_new = vx_bytes_take(raw, piece->length);
    VX_CHECK(task, all_new, "a chunk of pieces ends early");
    memcpy(to, all_new, (size_t)piece->length);
  }
  VX_CHECK(task, steps.at == steps.end && raw->at == raw->end, "a chunk of pieces has bytes that are left over");
  return VOXZ_OK;
}

static voxz_status hold_chunk(voxz_file *file, vx_catalogue *of, uint64_t number) {
  vx_task *task = &file->task;
  const vx_chunk *chunk = &of->chunk[number];
  const size_t used = task->used;
  uint8_t *payload, *bytes;
  vx_bytes within = of->within;
  of->held = of->chunks;
  if (vx_bytes_left(&within) > 0) {
    VX_TRY(tell_pieces(task, of, chunk, &within));
    of->held = number;
    return VOXZ_OK;
  }
  VX_TRY(vx_read_checked(file, chunk->offset, chunk->length, chunk->crc32, &payload));
  VX_NEW(task, bytes, chunk->raw_length);
  VX_TRY(vx_unpack_stored(task, payload, (size_t)chunk->length, 1, bytes, (size_t)chunk->raw_length));
  vx_bytes raw = vx_bytes_of(bytes, (size_t)chunk->raw_length);
  VX_TRY(tell_pieces(task, of, chunk, &raw));
  task->used = used;
  of->held = number;
  return VOXZ_OK;
}

/* Number of the chunk that has a piece: the last that begins at or before it. */
static uint64_t chunk_of(const vx_catalogue *of, uint64_t piece) {
  uint64_t low = 0, high = of->chunks;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    if (of->chunk[middle].first_piece <= piece)
      low = middle;
    else
      high = middle;
  }
  return low;
}

voxz_status vx_piece_of(voxz_file *file, uint64_t number, const uint8_t **bytes) {
  vx_catalogue *of = file->catalogue;
  const uint64_t chunk = chunk_of(of, number);
  if (of->held != chunk) VX_TRY(hold_chunk(file, of, chunk));
  *bytes = of->bytes + of->starts[number - of->chunk[chunk].first_piece];
  return VOXZ_OK;
}
