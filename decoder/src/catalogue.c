#include "catalogue.h"

#include "bytes.h"
#include "checksum.h"
#include "stored.h"


enum { PATHS = 1, ATTRIBUTES = 2, WITHIN = 4, ANCILLARY = 128 };

#define LARGEST_CATALOGUE ((uint64_t)1 << 26)
#define LARGEST_CHUNK ((uint64_t)1 << 25)
#define WITHOUT_SAMPLES 14 /* 1 + the packing of JPEG streams */
#define LARGEST_SUM ((uint64_t)1 << 56)

typedef struct gzip {
  uint64_t exact, before, after;
} gzip;

typedef struct column {
  uint64_t *value;
  uint64_t count;
} column;

/* A column: the bytes that it takes, then varints as far as these go. */
static voxz_status read_column(vx_task *task, vx_bytes *from, column *read) {
  const uint64_t length = vx_varint(from);
  const uint8_t *data = vx_bytes_take(from, length);
  VX_CHECK(task, data && !from->overrun, "the list of files ends early");
  read->count = 0;
  for (uint64_t i = 0; i < length; i++) read->count += data[i] < 0x80;
  VX_NEW(task, read->value, read->count);
  vx_bytes numbers = vx_bytes_of(data, (size_t)length);
  for (uint64_t i = 0; i < read->count; i++) read->value[i] = vx_varint(&numbers);
  VX_CHECK(task, !numbers.overrun && numbers.at == numbers.end, "a number in the list of files does not end");
  return VOXZ_OK;
}

static voxz_status read_views(vx_task *task, vx_bytes *from, vx_catalogue *made) {
  made->views = vx_varint(from);
  VX_CHECK(task, made->views <= vx_bytes_left(from), "the list of files announces more views than it has room for");
  VX_NEW(task, made->view, ++made->views);
  for (uint64_t i = 1; i < made->views; i++) {
    vx_view *view = &made->view[i];
    const uint64_t axes = vx_varint(from);
    unsigned seen = 0;
    VX_CHECK(task, axes <= MOST_VIEW_AXES, "a view has too many axes");
    view->axes = (unsigned)axes;
    for (unsigned a = 0; a < view->axes; a++) view->length[a] = vx_varint(from);
    for (unsigned a = 0; a < view->axes; a++) {
      const uint64_t axis = vx_varint(from);
      VX_CHECK(task, axis < axes && !(seen >> axis & 1), "a view has an impossible order");
      view->order[a] = (unsigned)axis;
      seen |= 1u << axis;
    }
    view->reversed = vx_varint(from);
    VX_CHECK(task, view->reversed >> axes == 0, "a view reverses an axis that it does not have");
  }
  return VOXZ_OK;
}

static voxz_status read_gzips(vx_task *task, vx_bytes *from, gzip **gzips, uint64_t *count) {
  *count = vx_varint(from);
  VX_CHECK(task, *count <= vx_bytes_left(from), "the list of files announces more options of gzip than it has room for");
  VX_NEW(task, *gzips, ++*count);
  for (uint64_t i = 1; i < *count; i++) {
    const uint64_t level = vx_varint(from), memory_level = vx_varint(from), strategy = vx_varint(from);
    (*gzips)[i].exact = vx_varint(from);
    (*gzips)[i].before = vx_varint(from);
    (*gzips)[i].after = vx_varint(from);
    const int known = level >= 1 && level <= 9 && memory_level >= 1 && memory_level <= 9 && strategy <= 4;
    VX_CHECK(task, known && (*gzips)[i].exact <= 1, "a file has impossible options of gzip");
  }
  return VOXZ_OK;
}

/* Texts one after the other, whose number comes first; none of them is needed. */
static voxz_status skip_texts(vx_task *task, vx_bytes *from) {
  const uint64_t count = vx_varint(from);
  for (uint64_t i = 0; i < count && !from->overrun; i++) vx_bytes_take(from, vx_varint(from));
  VX_CHECK(task, !from->overrun, "the list of files ends early");
  return VOXZ_OK;
}

static voxz_status read_names(vx_task *task, vx_catalogue *made, size_t length) {
  uint64_t at = 0;
  for (uint64_t i = 0; i < made->entries; i++) {
    made->entry[i].name = (size_t)at;
    while (at < length && made->names[at] != 0) at++;
    made->entry[i].name_length = (size_t)(at - made->entry[i].name);
    VX_CHECK(task, i + 1 == made->entries ? at == length : at < length, "there are not as many names as files");
    at++;
  }
  VX_CHECK(task, made->entries > 0 || length == 0, "there are not as many names as files");
  return VOXZ_OK;
}

static voxz_status read_entries(vx_task *task, vx_bytes *from, vx_catalogue *made, const gzip *gzips, uint64_t gzip_count) {
  const uint64_t length = vx_varint(from);
  column format, packed, segments;
  uint64_t exact = 0;
  made->names = vx_bytes_take(from, length);
  VX_CHECK(task, made->names, "the list of files ends early");
  VX_TRY(read_column(task, from, &format));
  VX_TRY(read_column(task, from, &packed));
  VX_TRY(read_column(task, from, &segments));
  made->entries = format.count;
  VX_CHECK(task, packed.count == format.count && segments.count == format.count, "the list of files contradicts itself");
  VX_NEW(task, made->entry, made->entries);
  VX_TRY(read_names(task, made, (size_t)length));
  for (uint64_t i = 0; i < made->entries; i++) {
    VX_CHECK(task, packed.value[i] < gzip_count, "the list of files contradicts itself");
    made->entry[i].gzip = packed.value[i];
    made->entry[i].first_segment = made->segments;
    made->entry[i].segments = segments.value[i];
    VX_CHECK(task, segments.value[i] <= LARGEST_CATALOGUE, "the list of files contradicts itself");
    made->segments += segments.value[i];
    made->entry[i].crc32 = vx_u32(from);
    exact += gzips[packed.value[i]].exact;
  }
  vx_bytes_take(from, 4 * exact);
  VX_CHECK(task, !from->overrun, "the list of files ends early");
  return VOXZ_OK;
}

/* Samples of segments: differences to the array before, and to the end of the samples before in the same array. */
static voxz_status read_samples(vx_task *task, vx_bytes *from, vx_catalogue *made, const voxz_file *file) {
  column array, first, count, view, how;
  uint64_t *ends, *used, at = 0, number = 0;
  VX_TRY(read_column(task, from, &array));
  VX_TRY(read_column(task, from, &first));
  VX_TRY(read_column(task, from, &count));
  VX_TRY(read_column(task, from, &view));
  VX_TRY(read_column(task, from, &how));
  const int alike = first.count == array.count && count.count == array.count && view.count == array.count && how.count == array.count;
  VX_CHECK(task, alike, "the list of segments contradicts itself");
  VX_NEW(task, ends, file->array_count);
  VX_NEW(task, used, file->array_count);
  for (uint64_t i = 0; i < made->segments; i++) {
    vx_segment *segment = &made->segment[i];
    if (segment->kind == 0) continue;
    VX_CHECK(task, at < array.count && view.value[at] < made->views, "the list of segments contradicts itself");
    VX_CHECK(task, how.value[at] <= LARGEST_SUM, "the files of the archive are impossibly large");
    if (segment->kind == WITHOUT_SAMPLES) {
      VX_CHECK(task, !array.value[at] && !first.value[at] && !count.value[at] && !view.value[at], "a segment without samples is said to have some");
      segment->how = how.value[at++];
      continue;
    }
    number += (uint64_t)vx_unfold(array.value[at]);
    VX_CHECK(task, number < file->array_count, "a file has samples that no array has");
    uint64_t samples = 1;
    for (unsigned axis = 0; axis < VOXZ_AXES; axis++) samples *= file->arrays[number].about.size[axis];
    segment->array = number;
    segment->first = ends[number] + (uint64_t)vx_unfold(first.value[at]);
    segment->count = count.value[at];
    segment->view = view.value[at];
    segment->how = how.value[at];
    const int there = segment->first <= samples && segment->count <= samples - segment->first;
    VX_CHECK(task, there && segment->count <= samples - used[number], "a file has samples that no array has");
    ends[number] = segment->first + segment->count;
    used[number] += segment->count;
    at++;
  }
  VX_CHECK(task, at == array.count, "the list of segments contradicts itself");
  return VOXZ_OK;
}

static voxz_status read_segments(vx_task *task, vx_bytes *from, vx_catalogue *made, uint64_t flags) {
  column unused, kind, length;
  uint64_t sum = 0;
  for (unsigned i = 0; i < 2 && (flags & ATTRIBUTES); i++) {
    VX_TRY(read_column(task, from, &unused));
    VX_CHECK(task, unused.count == made->entries, "the list of files contradicts itself");
  }
  VX_TRY(read_column(task, from, &kind));
  VX_TRY(read_column(task, from, &length));
  VX_CHECK(task, kind.count == made->segments && length.count == kind.count, "the list of segments contradicts itself");
  VX_NEW(task, made->segment, made->segments);
  for (uint64_t i = 0; i < made->segments; i++) {
    made->segment[i].kind = kind.value[i];
    made->segment[i].length = length.value[i];
    VX_CHECK(task, kind.value[i] || length.value[i], "a file of the archive has a segment of no bytes");
    VX_CHECK(task, length.value[i] <= LARGEST_SUM - sum, "the files of the archive are impossibly large");
    sum += length.value[i];
  }
  return VOXZ_OK;
}

/* One more piece, if it has any bytes. `made->piece` has room for all. */
static void add_piece(vx_catalogue *made, vx_entry *entry, uint64_t length) {
  if (length == 0) return;
  made->piece[made->pieces++].length = length;
  entry->pieces++;
}

static voxz_status list_pieces(vx_task *task, vx_catalogue *made, const gzip *gzips) {
  VX_NEW(task, made->piece, made->segments + 2 * made->entries);
  for (uint64_t i = 0; i < made->entries; i++) {
    vx_entry *entry = &made->entry[i];
    entry->first_piece = made->pieces;
    entry->before = gzips[entry->gzip].before;
    add_piece(made, entry, gzips[entry->gzip].before);
    for (uint64_t s = 0; s < entry->segments; s++) {
      const vx_segment *segment = &made->segment[entry->first_segment + s];
      entry->size += segment->length;
      add_piece(made, entry, segment->kind ? segment->how : segment->length);
    }
    add_piece(made, entry, gzips[entry->gzip].after);
    for (uint64_t p = entry->first_piece; p < made->pieces; p++) made->piece[p].of = entry->pieces;
  }
  return VOXZ_OK;
}

static voxz_status read_chunks(vx_task *task, vx_bytes *from, vx_catalogue *made, uint64_t flags, uint64_t end, uint64_t arrays_end) {
  column pieces, raw, length;
  uint64_t known = 0, total = 0;
  VX_TRY(read_column(task, from, &pieces));
  VX_TRY(read_column(task, from, &raw));
  VX_TRY(read_column(task, from, &length));
  made->chunks = made->held = pieces.count;
  VX_CHECK(task, raw.count == pieces.count && length.count == pieces.count, "the list of chunks contradicts itself");
  VX_NEW(task, made->chunk, made->chunks);
  for (uint64_t i = 0; i < made->chunks; i++) {
    const int possible = pieces.value[i] <= made->pieces - known && raw.value[i] <= LARGEST_CHUNK && length.value[i] <= end - arrays_end - total;
    VX_CHECK(task, possible, "the list of chunks contradicts the list of segments");
    made->chunk[i] = (vx_chunk){known, pieces.value[i], raw.value[i], length.value[i], arrays_end + total, vx_u32(from)};
    known += pieces.value[i];
    total += length.value[i];
  }
  VX_CHECK(task, (flags & WITHIN ? made->chunks == 0 : known == made->pieces) && arrays_end + total == end, "the list of chunks contradicts the list of segments");
  return VOXZ_OK;
}

static voxz_status read_notes(vx_task *task, vx_bytes *from) {
  const uint64_t notes = vx_varint(from);
  for (uint64_t i = 0; i < notes && !from->overrun; i++) {
    const uint64_t kind = vx_varint(from);
    vx_bytes_take(from, vx_varint(from));
    if (!from->overrun && kind < ANCILLARY) return vx_fail(task, VOXZ_UNSUPPORTED, "the file has a note that format 1.0 does not know");
  }
  VX_CHECK(task, !from->overrun, "the list of files ends early");
  return VOXZ_OK;
}

/* What is left is the stream of pieces, as one chunk, or nothing. */
static voxz_status read_within(vx_task *task, vx_bytes *from, vx_catalogue *made, uint64_t flags) {
  made->within = *from;
  if (!(flags & WITHIN) || made->pieces == 0) {
    VX_CHECK(task, from->at == from->end, "the list of files does not end where it should");
    return VOXZ_OK;
  }
  VX_NEW(task, made->chunk, 1);
  made->chunk[0].pieces = made->pieces;
  made->chunks = made->held = 1;
  return VOXZ_OK;
}

/* Room for the pieces of any one chunk. */
static voxz_status make_room(vx_task *task, vx_catalogue *made) {
  uint64_t most_bytes = 0, most_pieces = 0;
  for (uint64_t i = 0; i < made->chunks; i++) {
    const vx_chunk *chunk = &made->chunk[i];
    uint64_t bytes = 0;
    for (uint64_t p = 0; p < chunk->pieces; p++) {
      bytes += made->piece[chunk->first_piece + p].length;
      VX_CHECK(task, bytes <= LARGEST_CHUNK / 2, "the pieces of a chunk have more than 2^24 bytes");
    }
    most_bytes = bytes > most_bytes ? bytes : most_bytes;
    most_pieces = chunk->pieces > most_pieces ? chunk->pieces : most_pieces;
  }
  VX_NEW(task, made->bytes, most_bytes + 1);
  VX_NEW(task, made->starts, most_pieces + 1);
  return VOXZ_OK;
}

static voxz_status read_catalogue(voxz_file *file, vx_bytes *from, vx_catalogue *made) {
  vx_task *task = &file->task;
  const uint64_t end = file->source.size - file->catalogue_length;
  gzip *gzips = NULL;
  uint64_t gzip_count = 0;
  const uint64_t flags = vx_varint(from);
  if (flags > (PATHS | ATTRIBUTES | WITHIN)) return vx_fail(task, VOXZ_UNSUPPORTED, "the list of files has flags that format 1.0 does not know");
  VX_TRY(skip_texts(task, from)); /* formats */
  VX_TRY(read_views(task, from, made));
  VX_TRY(read_gzips(task, from, &gzips, &gzip_count));
  VX_TRY(read_entries(task, from, made, gzips, gzip_count));
  VX_TRY(read_segments(task, from, made, flags));
  VX_TRY(read_samples(task, from, made, file));
  VX_TRY(list_pieces(task, made, gzips));
  VX_TRY(read_chunks(task, from, made, flags, end, file->arrays_end));
  VX_TRY(read_notes(task, from));
  VX_TRY(read_within(task, from, made, flags));
  return make_room(task, made);
}

voxz_status vx_catalogue_of(voxz_file *file, vx_catalogue **catalogue) {
  vx_task *task = &file->task;
  if (!file->catalogue) {
    uint8_t *payload, *raw;
    vx_catalogue *made;
    file->slab.samples = NULL;
    task->used = file->kept;
    VX_NEW(task, made, 1);
    if (file->catalogue_raw_length > 0) {
      VX_CHECK(task, file->catalogue_raw_length <= LARGEST_CATALOGUE, "the list of files is impossibly long");
      VX_NEW(task, raw, file->catalogue_raw_length);
      VX_TRY(vx_read_checked(file, file->source.size - file->catalogue_length, file->catalogue_length, file->catalogue_crc32, &payload));
      VX_TRY(vx_unpack_stored(task, payload, (size_t)file->catalogue_length, 1, raw, (size_t)file->catalogue_raw_length));
      vx_bytes from = vx_bytes_of(raw, (size_t)file->catalogue_raw_length);
      VX_TRY(read_catalogue(file, &from, made));
    }
    file->catalogue = made;
    file->kept = task->used;
  }
  *catalogue = file->catalogue;
  return VOXZ_OK;
}
