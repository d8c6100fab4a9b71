/* Bricks of an array, and boxes that are put together from them. */

#include "bytes.h"
#include "file.h"
#include "lower.h"

voxz_status vx_array_of(voxz_file *file, size_t number, const vx_array **array) {
  if (number >= file->array_count) return vx_fail(&file->task, VOXZ_ARGUMENT, "the file has no array of this number");
  *array = &file->arrays[number];
  return VOXZ_OK;
}

voxz_status voxz_describe_array(const voxz_file *file, size_t array, voxz_array *description) {
  if (array >= file->array_count) return VOXZ_ARGUMENT;
  *description = file->arrays[array].about;
  return VOXZ_OK;
}

/* How the samples of a box are taken from those of bricks. */
typedef struct view {
  const vx_array *array;
  unsigned halvings[3]; /* of z, y, x */
  int names;            /* samples are never averaged */
} view;

static unsigned halvings_of(const view *of, unsigned axis) { return axis >= VOXZ_Z && axis <= VOXZ_X ? of->halvings[axis - VOXZ_Z] : 0; }

/* `place` among every 2^halvings-th one: it, or the next. */
static uint64_t halved(uint64_t place, unsigned halvings) { return (place >> halvings) + (place % ((uint64_t)1 << halvings) != 0); }

static void halve_box(const view *of, voxz_box *box) {
  for (unsigned axis = 0; axis < VOXZ_AXES; axis++) {
    const unsigned halvings = halvings_of(of, axis);
    const uint64_t behind = halved(box->start[axis] + box->size[axis], halvings);
    box->start[axis] = halved(box->start[axis], halvings);
    box->size[axis] = behind - box->start[axis];
  }
}

static void box_of_brick(const voxz_array *about, uint64_t brick, voxz_box *box) {
  for (unsigned axis = VOXZ_CHANNELS; axis-- > 0;) {
    const uint64_t part = about->brick[axis], size = about->size[axis], parts = size / part + (size % part != 0);
    box->start[axis] = brick % parts * part;
    box->size[axis] = size - box->start[axis] < part ? size - box->start[axis] : part;
    brick /= parts;
  }
  box->start[VOXZ_CHANNELS] = 0;
  box->size[VOXZ_CHANNELS] = about->size[VOXZ_CHANNELS];
}

static void whole_box(const voxz_array *about, voxz_box *box) {
  memset(box->start, 0, sizeof box->start);
  memcpy(box->size, about->size, sizeof box->size);
}

/* Maps are those that the codec of labels took whole. */
static int is_map(const voxz_file *file, const vx_array *array) {
  for (uint64_t brick = 0; brick < array->about.bricks; brick++)
    if (file->index[(array->first_brick + brick) * INDEX_ENTRY] != VX_LABELS) return 0;
  return array->about.bricks > 0;
}

static voxz_status view_at(voxz_file *file, size_t number, unsigned resolution, view *of) {
  const unsigned wished = resolution & ~(unsigned)VOXZ_NEAREST;
  VX_TRY(vx_array_of(file, number, &of->array));
  const voxz_array *about = &of->array->about;
  if (wished > about->resolutions) return vx_fail(&file->task, VOXZ_ARGUMENT, "the array has no resolution as low as this");
  for (unsigned axis = 0; axis < 3; axis++) {
    const unsigned most = vx_most_halvings(about->size[VOXZ_Z + axis]);
    of->halvings[axis] = wished < most ? wished : most;
  }
  of->names = resolution & VOXZ_NEAREST || (wished && is_map(file, of->array));
  return VOXZ_OK;
}

voxz_status voxz_brick_box(voxz_file *file, size_t array, uint64_t brick, unsigned resolution, voxz_box *box) {
  view of;
  VX_TRY(view_at(file, array, resolution, &of));
  const voxz_array *about = &of.array->about;
  if (brick == VOXZ_WHOLE)
    whole_box(about, box);
  else if (brick < about->bricks)
    box_of_brick(about, brick, box);
  else
    return vx_fail(&file->task, VOXZ_ARGUMENT, "the array has no brick of this number");
  halve_box(&of, box);
  return VOXZ_OK;
}

static uint64_t samples_in(const voxz_box *box) {
  uint64_t count = 1;
  for (unsigned axis = 0; axis < VOXZ_AXES; axis++) count *= box->size[axis];
  return count;
}

static vx_brick brick_at(const voxz_array *about, const voxz_box *box) {
  const vx_brick brick = {
      about->dtype,          about->itemsize,  (uint32_t)box->size[VOXZ_SERIES],   (uint32_t)box->size[VOXZ_Z],
      (uint32_t)box->size[VOXZ_Y], (uint32_t)box->size[VOXZ_X], (uint32_t)box->size[VOXZ_CHANNELS],
  };
  return brick;
}

/* Read, check and decode a brick whose box at the full resolution is known. */
static voxz_status decode_at(voxz_file *file, const view *of, uint64_t number, const voxz_box *box, void *samples) {
  const uint64_t chunk = of->array->first_brick + number;
  const uint8_t *entry = file->index + chunk * INDEX_ENTRY;
  const uint64_t length = file->offsets[chunk + 1] - file->offsets[chunk];
  const vx_brick brick = brick_at(&of->array->about, box);
  const vx_lower lower = {{of->halvings[0], of->halvings[1], of->halvings[2]}, &box->start[VOXZ_Z], of->names};
  const size_t used = file->task.used;
  uint8_t *payload;
  VX_TRY(vx_read_checked(file, file->offsets[chunk], length, vx_load32(entry + 1), &payload));
  VX_TRY(vx_decode_lower(&file->task, entry[0], payload, (size_t)length, &brick, &lower, samples));
  file->task.used = used;
  return VOXZ_OK;
}

/* Copy what two boxes share, rows along x with all channels. */
static void copy_shared(const voxz_array *about, const voxz_box *from, const uint8_t *source, const voxz_box *to, uint8_t *target) {
  uint64_t low[4], high[4];
  for (unsigned axis = 0; axis < 4; axis++) {
    const uint64_t a = from->start[axis], b = to->start[axis], c = a + from->size[axis], d = b + to->size[axis];
    low[axis] = a > b ? a : b;
    high[axis] = c < d ? c : d;
    if (low[axis] >= high[axis]) return;
  }
  const size_t voxel = (size_t)about->size[VOXZ_CHANNELS] * about->itemsize;
  for (uint64_t s = low[0]; s < high[0]; s++)
    for (uint64_t z = low[1]; z < high[1]; z++)
      for (uint64_t y = low[2]; y < high[2]; y++) {
        const uint64_t a = (((s - from->start[0]) * from->size[1] + z - from->start[1]) * from->size[2] + y - from->start[2]) * from->size[3];
        const uint64_t b = (((s - to->start[0]) * to->size[1] + z - to->start[1]) * to->size[2] + y - to->start[2]) * to->size[3];
        memcpy(target + (b + low[3] - to->start[3]) * voxel, source + (a + low[3] - from->start[3]) * voxel,
               (size_t)(high[3] - low[3]) * voxel);
      }
}

static int same_box(const voxz_box *a, const voxz_box *b) { return memcmp(a, b, sizeof *a) == 0; }

/* Numbers of the first brick along an axis that a box touches, and of the one behind the last. */
static void touched(const view *of, const voxz_box *box, unsigned axis, uint64_t *first, uint64_t *behind) {
  const unsigned halvings = halvings_of(of, axis);
  const uint64_t part = of->array->about.brick[axis];
  *first = (box->start[axis] << halvings) / part;
  *behind = ((box->start[axis] + box->size[axis] - 1) << halvings) / part + 1;
}

static voxz_status decode_into(voxz_file *file, const view *of, uint64_t number, const voxz_box *box, void *samples) {
  const voxz_array *about = &of->array->about;
  const size_t used = file->task.used;
  voxz_box full, own;
  uint8_t *part;
  box_of_brick(about, number, &full);
  own = full;
  halve_box(of, &own);
  if (samples_in(&own) == 0) return VOXZ_OK;
  if (same_box(&own, box)) return decode_at(file, of, number, &full, samples);
  VX_NEW(&file->task, part, samples_in(&own) * about->itemsize);
  VX_TRY(decode_at(file, of, number, &full, part));
  copy_shared(about, &own, part, box, samples);
  file->task.used = used;
  return VOXZ_OK;
}

static voxz_status decode_box(voxz_file *file, const view *of, const voxz_box *box, void *samples) {
  const voxz_array *about = &of->array->about;
  uint64_t first[4], behind[4], parts[4], at[4];
  if (samples_in(box) == 0) return VOXZ_OK;
  for (unsigned axis = 0; axis < 4; axis++) {
    parts[axis] = about->size[axis] / about->brick[axis] + (about->size[axis] % about->brick[axis] != 0);
    touched(of, box, axis, &first[axis], &behind[axis]);
  }
  for (at[0] = first[0]; at[0] < behind[0]; at[0]++)
    for (at[1] = first[1]; at[1] < behind[1]; at[1]++)
      for (at[2] = first[2]; at[2] < behind[2]; at[2]++)
        for (at[3] = first[3]; at[3] < behind[3]; at[3]++) {
          const uint64_t number = ((at[0] * parts[1] + at[1]) * parts[2] + at[2]) * parts[3] + at[3];
          VX_TRY(decode_into(file, of, number, box, samples));
        }
  return VOXZ_OK;
}

voxz_status vx_decode_box(voxz_file *file, const vx_array *array, const voxz_box *box, void *samples) {
  const view full = {array, {0, 0, 0}, 0};
  return decode_box(file, &full, box, samples);
}

voxz_status voxz_decode(voxz_file *file, size_t number, unsigned resolution, const voxz_box *box, void *samples, size_t size) {
  view of;
  voxz_box whole;
  vx_begin(file);
  VX_TRY(view_at(file, number, resolution, &of));
  whole_box(&of.array->about, &whole);
  halve_box(&of, &whole);
  for (unsigned axis = 0; axis < VOXZ_AXES; axis++) {
    const uint64_t all = whole.size[axis];
    const int inside = box->start[axis] <= all && box->size[axis] <= all - box->start[axis];
    if (!inside || (axis == VOXZ_CHANNELS && box->size[axis] != all))
      return vx_fail(&file->task, VOXZ_ARGUMENT, "the box is not in the array");
  }
  if (samples_in(box) > size / of.array->about.itemsize)
    return vx_fail(&file->task, VOXZ_ARGUMENT, "the samples do not fit the room for them");
  return decode_box(file, &of, box, samples);
}
