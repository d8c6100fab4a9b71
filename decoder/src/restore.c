/* Files again, from their segments. */

#include "bytes.h"
#include "catalogue.h"
#include "checksum.h"

enum { RAW = 1 };

#define LARGEST_SEEN ((uint64_t)1 << 31)

/* Where the content of a file goes: to the caller, and into its checksums. */
typedef struct content {
  const voxz_sink *sink;
  vx_sha256 *sha256; /* NULL: nobody asks for it */
  uint32_t crc32;
} content;

static voxz_status put(voxz_file *file, content *to, const uint8_t *bytes, uint64_t length) {
  to->crc32 = vx_crc32(to->crc32, bytes, (size_t)length);
  if (to->sha256) vx_sha256_add(to->sha256, bytes, (size_t)length);
  return vx_write(file, to->sink, bytes, (size_t)length);
}

/* The next samples of a segment, of which `done` are behind: as many as one slab has. */
static voxz_status next_samples(voxz_file *file, const vx_segment *segment, uint64_t done, const uint8_t **samples, uint64_t *taken) {
  uint64_t first, count;
  VX_TRY(vx_slab_with(file, (size_t)segment->array, segment->first + done, samples, &first, &count));
  const uint64_t skipped = segment->first + done - first, left = segment->count - done;
  *samples += skipped * file->arrays[segment->array].about.itemsize;
  *taken = count - skipped < left ? count - skipped : left;
  return VOXZ_OK;
}

/* Samples in memory order, slab by slab. */
static voxz_status put_samples(voxz_file *file, content *to, const vx_segment *segment) {
  const unsigned itemsize = file->arrays[segment->array].about.itemsize;
  for (uint64_t done = 0; done < segment->count;) {
    const uint8_t *samples;
    uint64_t taken;
    VX_TRY(next_samples(file, segment, done, &samples, &taken));
    VX_TRY(put(file, to, samples, taken * itemsize));
    done += taken;
  }
  return VOXZ_OK;
}

/* All samples of a segment in one place, behind the slabs that they come from. */
static voxz_status gather(voxz_file *file, const vx_segment *segment, uint8_t *to) {
  const unsigned itemsize = file->arrays[segment->array].about.itemsize;
  for (uint64_t done = 0; done < segment->count;) {
    const uint8_t *samples;
    uint64_t taken;
    VX_TRY(next_samples(file, segment, done, &samples, &taken));
    memcpy(to + done * itemsize, samples, (size_t)(taken * itemsize));
    done += taken;
  }
  return VOXZ_OK;
}

/* Where a sample of the file lies in the array: axis i of the array is axis order[i] of the file. */
static uint64_t place_in_array(const vx_view *view, const uint64_t *at) {
  uint64_t place = 0;
  for (unsigned axis = 0; axis < view->axes; axis++) {
    const uint64_t length = view->length[view->order[axis]], here = at[view->order[axis]];
    place = place * length + (view->reversed >> axis & 1 ? length - 1 - here : here);
  }
  return place;
}

static void step(const vx_view *view, uint64_t *at) {
  for (unsigned axis = view->axes; axis-- > 0;) {
    if (++at[axis] < view->length[axis]) return;
    at[axis] = 0;
  }
}

static voxz_status check_view(vx_task *task, const vx_view *view, uint64_t count) {
  uint64_t samples = 1;
  for (unsigned axis = 0; axis < view->axes; axis++) {
    VX_CHECK(task, view->length[axis] == 0 || samples <= count / view->length[axis], "a view does not have the samples of its segment");
    samples *= view->length[axis];
  }
  VX_CHECK(task, samples == count, "a view does not have the samples of its segment");
  return VOXZ_OK;
}

/* Samples in the order of a view. */
static voxz_status put_seen(voxz_file *file, content *to, const vx_segment *segment, const vx_view *view) {
  vx_task *task = &file->task;
  const unsigned itemsize = file->arrays[segment->array].about.itemsize;
  const size_t kept = file->kept;
  uint64_t at[MOST_VIEW_AXES] = {0};
  uint8_t *samples, *seen;
  VX_TRY(check_view(task, view, segment->count));
  VX_CHECK(task, segment->count <= LARGEST_SEEN / itemsize, "a segment has more samples than can be put in another order");
  file->slab.samples = NULL;
  task->used = kept;
  VX_NEW(task, samples, segment->count * itemsize);
  VX_NEW(task, seen, segment->count * itemsize);
  file->kept = task->used; /* slabs come and go behind them */
  const voxz_status status = gather(file, segment, samples);
  file->kept = kept;
  file->slab.samples = NULL;
  VX_TRY(status);
  for (uint64_t i = 0; i < segment->count; i++, step(view, at))
    memcpy(seen + i * itemsize, samples + place_in_array(view, at) * itemsize, itemsize);
  return put(file, to, seen, segment->count * itemsize);
}

static voxz_status refuse_packing(vx_task *task, uint64_t packing) {
  static const char *const REASONS[] = {
      "samples packed by deflate can be read, but this decoder does not pack them again",
      "samples packed by bzip2 can be read, but this decoder does not pack them again",
      "samples packed by lossless JPEG can be read, but this decoder does not pack them again",
      "samples packed by JPEG-LS can be read, but this decoder does not pack them again",
      "samples packed by DICOM's RLE can be read, but this decoder does not pack them again",
      "a file has samples in a packing that format 1.0 does not have",
      "samples of a mosaic can be read, but this decoder does not put them together again",
      "samples of single bits can be read, but this decoder does not pack them again",
      "samples packed as PNG can be read, but this decoder does not pack them again",
      "samples packed in strips or chunks can be read, but this decoder does not pack them again",
      "samples packed by Zstandard can be read, but this decoder does not pack them again",
      "samples packed by Blosc can be read, but this decoder does not pack them again",
      "a file has JPEG streams transcoded to JPEG XL, which this decoder does not make again",
  };
  const uint64_t known = sizeof REASONS / sizeof *REASONS;
  return vx_fail(task, VOXZ_UNSUPPORTED, REASONS[packing >= 1 && packing <= known ? packing - 1 : 5]);
}

static voxz_status put_segment(voxz_file *file, content *to, const vx_segment *segment, uint64_t *piece) {
  vx_task *task = &file->task;
  if (segment->kind == 0) {
    const uint8_t *bytes;
    VX_TRY(vx_piece_of(file, (*piece)++, &bytes));
    return put(file, to, bytes, segment->length);
  }
  if (segment->kind != RAW) return refuse_packing(task, segment->kind - 1);
  const unsigned itemsize = file->arrays[segment->array].about.itemsize;
  VX_CHECK(task, segment->how == 0 && segment->length / itemsize == segment->count && segment->length % itemsize == 0,
           "a segment does not have the bytes of its samples");
  const vx_view *view = &file->catalogue->view[segment->view];
  return view->axes ? put_seen(file, to, segment, view) : put_samples(file, to, segment);
}

/* The segments of a file that are restored: from one to the one before another. */
static void segments_of(const vx_catalogue *of, const vx_entry *entry, voxz_part part, uint64_t *from, uint64_t *behind) {
  const vx_segment *segment = &of->segment[entry->first_segment];
  *from = 0;
  *behind = entry->segments;
  if (part == VOXZ_HEAD)
    for (*behind = 0; *behind < entry->segments && segment[*behind].kind == 0;) ++*behind;
  if (part == VOXZ_TAIL)
    for (*from = *behind; *from > 0 && segment[*from - 1].kind == 0;) --*from;
  if (part == VOXZ_TAIL && *from == 0) *from = *behind; /* without samples all is head */
}

static voxz_status restore(voxz_file *file, const vx_entry *entry, voxz_part part, content *to) {
  const vx_segment *segments = &file->catalogue->segment[entry->first_segment];
  uint64_t piece = entry->first_piece + (entry->before > 0), from, behind;
  segments_of(file->catalogue, entry, part, &from, &behind);
  if (to->sha256) vx_sha256_start(to->sha256);
  to->crc32 = 0;
  for (uint64_t i = 0; i < from; i++) piece += segments[i].kind == 0 || segments[i].how > 0; /* verbatim bytes, or how samples are packed */
  for (uint64_t i = from; i < behind; i++) VX_TRY(put_segment(file, to, &segments[i], &piece));
  VX_CHECK(&file->task, part != VOXZ_ALL || VX_FITS(to->crc32 == entry->crc32), "the content of a file does not match its checksum");
  return VOXZ_OK;
}

static voxz_status entry_of(voxz_file *file, size_t number, const vx_entry **entry) {
  vx_catalogue *catalogue;
  VX_TRY(vx_catalogue_of(file, &catalogue));
  if (number >= catalogue->entries) return vx_fail(&file->task, VOXZ_ARGUMENT, "the archive has no file of this number");
  *entry = &catalogue->entry[number];
  return VOXZ_OK;
}

voxz_status voxz_describe_entry(voxz_file *file, size_t number, voxz_entry *description) {
  const vx_entry *entry = NULL;
  vx_begin(file);
  VX_TRY(entry_of(file, number, &entry));
  memset(description, 0, sizeof *description);
  description->name = (const char *)file->catalogue->names + entry->name;
  description->name_length = entry->name_length;
  description->size = entry->size;
  description->crc32 = entry->crc32;
  description->gzipped = entry->gzip != 0;
  for (uint64_t i = entry->segments; i-- > 0;) {
    const vx_segment *segment = &file->catalogue->segment[entry->first_segment + i];
    if (segment->kind == 0 || segment->count == 0) continue;
    description->samples += segment->count;
    description->array = (size_t)segment->array;
    description->first = segment->first;
  }
  return VOXZ_OK;
}

voxz_status voxz_restore(voxz_file *file, size_t number, voxz_part part, const voxz_sink *sink) {
  const vx_entry *entry = NULL;
  content to = {sink, NULL, 0};
  vx_begin(file);
  VX_TRY(entry_of(file, number, &entry));
  return restore(file, entry, part, &to);
}

static int drop(void *user, const void *bytes, size_t length) {
  (void)user, (void)bytes, (void)length;
  return 0;
}

static const voxz_sink NOWHERE = {drop, NULL};

static void add_number(vx_sha256 *sum, uint64_t number) {
  uint8_t bytes[8];
  for (unsigned i = 0; i < 8; i++) bytes[i] = (uint8_t)(number >> 8 * i);
  vx_sha256_add(sum, bytes, sizeof bytes);
}

static voxz_status verify_files(voxz_file *file) {
  vx_catalogue *catalogue;
  vx_sha256 whole, own;
  content to = {&NOWHERE, &own, 0};
  uint8_t digest[32] = {0};
  vx_begin(file);
  VX_TRY(vx_catalogue_of(file, &catalogue));
  vx_sha256_start(&whole);
  for (uint64_t i = 0; i < catalogue->entries; i++) {
    const vx_entry *entry = &catalogue->entry[i];
    VX_TRY(restore(file, entry, VOXZ_ALL, &to));
    vx_sha256_finish(&own, digest);
    add_number(&whole, entry->name_length);
    vx_sha256_add(&whole, catalogue->names + entry->name, entry->name_length);
    add_number(&whole, entry->size);
    vx_sha256_add(&whole, digest, sizeof digest);
  }
  const int alone = catalogue->entries == 1 && catalogue->entry[0].name_length == 0;
  if (catalogue->entries > 0 && !alone) vx_sha256_finish(&whole, digest);
  VX_CHECK(&file->task, VX_FITS(memcmp(digest, file->files_sha256, sizeof digest) == 0), "the files do not match their checksum");
  return VOXZ_OK;
}

voxz_status voxz_verify(voxz_file *file) {
  for (size_t array = 0; array < file->array_count; array++) VX_TRY(voxz_samples(file, array, &NOWHERE));
  return verify_files(file);
}
