/* What begins a file: signature, front, headers of the arrays, index. */

#include "bytes.h"
#include "checksum.h"
#include "codecs.h"
#include "file.h"

#include <math.h>

enum { SIGNATURE = 8, HEAD = 72, CRC = 4, LOSS = 60, DTYPES = 16 };

static const uint8_t EXPECTED[SIGNATURE] = {0xF6, 'V', 'O', 'X', 'Z', 0x0D, 0x0A, 0x1A};

voxz_status vx_read(voxz_file *file, uint64_t offset, uint64_t length, uint8_t **bytes) {
  vx_task *task = &file->task;
  if (offset > file->source.size || length > file->source.size - offset)
    return vx_fail(task, VOXZ_TRUNCATED, "the file ends before its data do");
  VX_NEW(task, *bytes, length);
  if (length > 0 && file->source.read(file->source.user, offset, *bytes, (size_t)length) != 0)
    return vx_fail(task, VOXZ_SOURCE, "the file cannot be read");
  return VOXZ_OK;
}

voxz_status vx_read_checked(voxz_file *file, uint64_t offset, uint64_t length, uint32_t crc32, uint8_t **bytes) {
  VX_TRY(vx_read(file, offset, length, bytes));
  VX_CHECK(&file->task, VX_FITS(vx_crc32(0, *bytes, (size_t)length) == crc32), "bytes of the file do not match their checksum");
  return VOXZ_OK;
}

/* The shape that the bricks are cut from: the slowest axes are merged, missing ones are 1. */
static void make_canonical(voxz_array *about, unsigned channels) {
  for (unsigned axis = 0; axis < VOXZ_CHANNELS; axis++) about->size[axis] = 1;
  for (unsigned i = 0; i < about->axes; i++) {
    const uint64_t length = about->shape[about->first_axis_fastest ? i : about->axes - 1 - i]; /* fastest first */
    about->size[i < 3 ? VOXZ_X - i : VOXZ_SERIES] *= length;
  }
  about->size[VOXZ_CHANNELS] = channels;
}

static int shape_is_possible(const voxz_array *about) {
  uint64_t product = 1;
  for (unsigned i = 0; i < about->axes; i++) {
    const uint64_t length = about->shape[i] ? about->shape[i] : 1;
    if (length > LARGEST_ARRAY / product) return 0;
    product *= length;
  }
  return 1;
}

static voxz_status count_bricks(vx_task *task, voxz_array *about) {
  about->bricks = 1;
  for (unsigned axis = 0; axis < VOXZ_CHANNELS; axis++) {
    const uint64_t size = about->size[axis], part = about->brick[axis];
    VX_CHECK(task, part > 0 && part < (uint64_t)1 << 32, "an array has impossible bricks");
    about->bricks *= size / part + (size % part != 0);
  }
  return VOXZ_OK;
}

/* A brick has at most 2^26 samples, and the bricks that are needed at once for streaming at most 256 MiB. */
static voxz_status check_sizes(vx_task *task, const voxz_array *about) {
  uint64_t brick = about->size[VOXZ_CHANNELS], slab = brick * about->itemsize;
  int whole = 0;
  if (about->bricks == 0) return VOXZ_OK;
  for (unsigned axis = 0; axis < VOXZ_CHANNELS; axis++) {
    const uint64_t part = about->brick[axis] < about->size[axis] ? about->brick[axis] : about->size[axis];
    const uint64_t held = whole ? about->size[axis] : part;
    VX_CHECK(task, part <= LARGEST_BRICK / brick, "an array has bricks of more than 2^26 samples");
    VX_CHECK(task, held <= LARGEST_SLAB / slab, "an array has bricks of more than 256 MiB at once");
    brick *= part;
    slab *= held;
    whole |= part > 1;
  }
  return VOXZ_OK;
}

static voxz_status read_loss(vx_task *task, vx_bytes *from, voxz_array *about) {
  double value[4];
  for (unsigned i = 0; i < 4; i++) value[i] = vx_f64(from); /* asked, bound, largest error, mean square */
  vx_u64(from);
  const double peak = vx_f64(from), noise = vx_f64(from);
  const unsigned unit = vx_u8(from), counts_background = vx_u8(from), reserved = vx_u16(from);
  const int sound = isfinite(value[0]) && value[1] >= 0 && value[2] >= 0 && value[3] >= 0 && peak >= 0 && noise >= 0 && isfinite(noise);
  VX_CHECK(task, sound && unit < 3 && counts_background < 2 && reserved == 0, "an array has an impossible record of its loss");
  about->bound = value[1];
  return VOXZ_OK;
}

unsigned vx_most_halvings(uint64_t length) {
  unsigned count = 0;
  for (; length >= SHORTEST && count < MOST_HALVINGS; count++) length = (length + 1) / 2;
  return count;
}

static unsigned count_resolutions(const voxz_array *about) {
  unsigned most = 0;
  for (unsigned axis = VOXZ_Z; axis <= VOXZ_X; axis++) if (vx_most_halvings(about->size[axis]) > most) most = vx_most_halvings(about->size[axis]);
  return most;
}

static voxz_status read_array(vx_task *task, vx_bytes *from, voxz_array *about) {
  const unsigned dtype = vx_u8(from), flags = vx_u8(from), channels = vx_u8(from), axes = vx_u8(from), level = vx_u8(from);
  const unsigned target = vx_u8(from);
  const int known = dtype >= 1 && dtype <= DTYPES && flags < 4 && channels >= 1 && channels <= MOST_CHANNELS && axes <= MOST_AXES;
  VX_CHECK(task, known && level <= 9 && target <= 5, "an array has impossible values in its header");
  about->dtype = (voxz_dtype)dtype;
  about->itemsize = vx_itemsize(about->dtype);
  about->big_endian = flags & 1;
  about->first_axis_fastest = flags >> 1;
  about->axes = axes;
  about->level = level;
  about->lossy = target != 0;
  for (unsigned i = 0; i < axes; i++) about->shape[i] = vx_varint(from);
  for (unsigned axis = 0; axis < VOXZ_CHANNELS; axis++) about->brick[axis] = vx_varint(from);
  about->brick[VOXZ_CHANNELS] = channels;
  const uint64_t tables = vx_varint(from);
  const uint8_t *sum = vx_bytes_take(from, sizeof about->sha256);
  VX_CHECK(task, sum != NULL, "the header of an array ends early");
  memcpy(about->sha256, sum, sizeof about->sha256);
  VX_CHECK(task, shape_is_possible(about), "an array has an impossible shape");
  if (tables > 0) return vx_fail(task, VOXZ_UNSUPPORTED, "an array has tables, which format 1.0 does not know");
  make_canonical(about, channels);
  VX_TRY(count_bricks(task, about));
  VX_TRY(check_sizes(task, about));
  about->resolutions = count_resolutions(about);
  if (about->lossy) VX_TRY(read_loss(task, from, about));
  VX_CHECK(task, !from->overrun, "the header of an array ends early");
  return VOXZ_OK;
}

/* The index: where each chunk lies follows from their lengths. */
static voxz_status read_index(voxz_file *file, vx_bytes *from, uint64_t chunks) {
  vx_task *task = &file->task;
  const size_t left = vx_bytes_left(from);
  VX_CHECK(task, left % INDEX_ENTRY == 0 && chunks == left / INDEX_ENTRY, "the index does not have the chunks of the arrays");
  file->index = from->at;
  VX_NEW(task, file->offsets, chunks + 1);
  uint64_t at = file->length;
  for (uint64_t i = 0; i < chunks; i++) {
    file->offsets[i] = at;
    at += vx_load32(file->index + i * INDEX_ENTRY + 5);
  }
  file->offsets[chunks] = file->arrays_end = at;
  const uint64_t end = file->source.size - file->catalogue_length;
  VX_CHECK(task, file->catalogue_length <= file->source.size && at <= end, "the chunks lead out of the file");
  VX_CHECK(task, file->catalogue_raw_length > 0 || at == end, "the chunks do not end where the file does");
  return VOXZ_OK;
}

static voxz_status read_arrays(voxz_file *file, vx_bytes *from) {
  vx_task *task = &file->task;
  uint64_t chunks = 0;
  VX_CHECK(task, file->array_count <= vx_bytes_left(from) / INDEX_ENTRY, "the file announces more arrays than it has room for");
  VX_NEW(task, file->arrays, file->array_count);
  for (size_t i = 0; i < file->array_count; i++) {
    VX_TRY(read_array(task, from, &file->arrays[i].about));
    file->arrays[i].first_brick = chunks;
    chunks += file->arrays[i].about.bricks;
    VX_CHECK(task, chunks <= file->length, "the index does not have the chunks of the arrays");
  }
  return read_index(file, from, chunks);
}

/* Signature and version, which say whether the rest can be read at all. */
static voxz_status check_signature(voxz_file *file, uint8_t head[HEAD]) {
  vx_task *task = &file->task;
  const size_t length = file->source.size < HEAD ? (size_t)file->source.size : HEAD;
  if (length > 0 && file->source.read(file->source.user, 0, head, length) != 0)
    return vx_fail(task, VOXZ_SOURCE, "the file cannot be read");
  if (length == 0 || memcmp(head, EXPECTED, length < SIGNATURE ? length : SIGNATURE) != 0)
    return vx_fail(task, VOXZ_NOT_VOXZ, "the file does not begin with the signature of .voxz files");
  if (length < HEAD) return vx_fail(task, VOXZ_TRUNCATED, "the file ends in its head");
  if (vx_load16(head + SIGNATURE) != 1) return vx_fail(task, VOXZ_UNSUPPORTED, "the file has a later version of the format");
  return VOXZ_OK;
}

static voxz_status read_front(voxz_file *file) {
  vx_task *task = &file->task;
  uint8_t head[HEAD] = {0}, *whole;
  VX_TRY(check_signature(file, head));
  vx_bytes from = vx_bytes_of(head + SIGNATURE + 4, HEAD - SIGNATURE - 4);
  file->length = vx_u32(&from);
  const uint64_t file_length = vx_u64(&from);
  file->catalogue_length = vx_u32(&from);
  file->catalogue_raw_length = vx_u32(&from);
  file->catalogue_crc32 = vx_u32(&from);
  memcpy(file->files_sha256, vx_bytes_take(&from, 32), 32);
  file->array_count = vx_u32(&from);
  VX_CHECK(task, file->length >= HEAD + CRC, "the front of the file is impossibly short");
  VX_TRY(vx_read(file, 0, file->length, &whole));
  const size_t summed = (size_t)file->length - CRC;
  VX_CHECK(task, VX_FITS(vx_crc32(0, whole, summed) == vx_load32(whole + summed)), "the front of the file does not match its checksum");
  if (file->source.size < file_length) return vx_fail(task, VOXZ_TRUNCATED, "the file is cut short");
  VX_CHECK(task, file->source.size == file_length, "something was appended to the file");
  from = vx_bytes_of(whole + HEAD, summed - HEAD);
  return read_arrays(file, &from);
}

static int read_memory(void *user, uint64_t offset, void *to, size_t length) {
  memcpy(to, (const uint8_t *)user + offset, length);
  return 0;
}

voxz_source voxz_memory(const void *bytes, size_t size) {
  const voxz_source source = {size, read_memory, NULL, (void *)(uintptr_t)bytes};
  return source;
}

voxz_status voxz_open(const voxz_source *source, void *memory, size_t size, voxz_file **opened) {
  vx_task task = {.memory = memory, .size = size, .message = ""};
  voxz_file *file = vx_take(&task, 1, sizeof *file);
  *opened = file;
  if (!file) return VOXZ_MEMORY;
  file->task = task;
  file->source = *source;
  file->task.source = &file->source;
  VX_TRY(read_front(file));
  file->kept = file->task.used;
  return VOXZ_OK;
}

void vx_begin(voxz_file *file) {
  file->slab.samples = NULL;
  file->task.used = file->kept;
  file->task.message = "";
}

const char *voxz_message(const voxz_file *file) { return file ? file->task.message : "the memory that was given is too small"; }
