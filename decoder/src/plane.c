#include "plane.h"

enum { PRECISION = 14, ONE = 1 << PRECISION, LOWEST = 1 << 16, BESIDE = 2, LONGEST_MEMORY = 254, STRETCH = 30, STRETCHES = 1 << 11, SOUGHT = STRETCHES + 2, CONTEXTS = SOUGHT + 2 };

/* One binary rANS state, and what each context has seen. */
typedef struct walk {
  const uint8_t *words;
  size_t count, next;
  uint32_t state;
  int32_t chance[2 * CONTEXTS];
  int32_t age[2 * CONTEXTS];
} walk;

/* Rows that decisions look at, with margins: the row itself, one and two up, and three of the slice or volume before. */
typedef struct around {
  uint8_t *here;
  const uint8_t *up, *top, *back, *above, *below;
} around;

static uint32_t next_word(walk *it) {
  const size_t at = it->next++;
  return at < it->count ? vx_load16(it->words + 2 * at) : 0;
}

static unsigned decide(walk *it, uint32_t context) {
  const int32_t chance = it->chance[context], age = it->age[context];
  const uint32_t one = (uint32_t)vx_clamp(chance >> 2, 1, ONE - 1), slot = it->state % ONE;
  const unsigned decision = slot < one;
  it->state = (decision ? one : ONE - one) * (it->state >> PRECISION) + slot - (decision ? 0 : one);
  if (it->state < LOWEST) it->state = it->state << 16 | next_word(it);
  const int32_t missed = (decision ? LOWEST : 0) - chance;
  it->chance[context] = chance + (int32_t)vx_floor_divide(missed, age + 2);
  it->age[context] = age < LONGEST_MEMORY ? age + 1 : age;
  return decision;
}

/* What all known voxels of the row and around columns `first` to `end` are: 0 or 1; -1 if they differ. */
static int alike(const around *rows, uint32_t first, uint32_t end, uint32_t width) {
  const size_t before = first ? first - 1 : 0, behind = end < width ? end + 1 : width;
  const uint8_t *known[] = {rows->up, rows->top, rows->back, rows->above, rows->below};
  const uint8_t same = rows->up[BESIDE + before];
  for (unsigned k = 0; k < sizeof known / sizeof *known; k++)
    for (size_t i = BESIDE + before; i < BESIDE + behind; i++)
      if (known[k][i] != same) return -1;
  for (size_t x = first > BESIDE ? first - BESIDE : 0; x < first; x++)
    if (rows->here[BESIDE + x] != same) return -1;
  return same;
}

static void decode_row(walk *it, const around *rows, uint32_t family, uint32_t width) {
  for (uint32_t first = 0; first < width; first += STRETCH) {
    const uint32_t end = width - first > STRETCH ? first + STRETCH : width;
    const int same = alike(rows, first, end, width);
    int differs = same >= 0;
    if (differs && !decide(it, family + STRETCHES + (uint32_t)same)) {
      memset(rows->here + BESIDE + first, same, end - first);
      continue;
    }
    for (size_t i = BESIDE + first; i < BESIDE + (size_t)end; i++) {
      const uint32_t near = rows->here[i - 1] | rows->here[i - 2] << 1 | rows->up[i - 1] << 2 | rows->up[i] << 3;
      const uint32_t far = rows->up[i + 1] | rows->top[i] << 1 | rows->back[i] << 2 | rows->back[i - 1] << 3;
      const uint32_t rest = rows->back[i + 1] | rows->above[i] << 1 | rows->below[i] << 2;
      const uint32_t context = differs ? SOUGHT + (uint32_t)same : near + (far << 4) + (rest << 8);
      rows->here[i] = (uint8_t)decide(it, family + context);
      differs = differs && rows->here[i] == same;
    }
  }
}

/* Rows of slice z of volume s; `pitch` is the length of a row with margins, the last row of all is one of nothing. */
static voxz_status decode_slice(vx_task *task, walk *it, uint8_t *rows, const uint32_t size[4], uint32_t s, uint32_t z) {
  const size_t pitch = (size_t)size[3] + 2 * BESIDE, height = size[2], before = (s ? size[1] : 1) * height;
  const uint8_t *nothing = rows + pitch * size[0] * size[1] * height;
  const int known = s > 0 || z > 0;
  for (size_t y = 0; y < height; y++) {
    uint8_t *here = rows + (((size_t)s * size[1] + z) * height + y) * pitch;
    const uint8_t *back = known ? here - before * pitch : nothing;
    const around around = {here,
                           y > 0 ? here - pitch : nothing,
                           y > 1 ? here - 2 * pitch : nothing,
                           back,
                           known && y > 0 ? back - pitch : nothing,
                           known && y + 1 < height ? back + pitch : nothing};
    VX_CHECK(task, it->next <= it->count, "a bit plane ends early");
    decode_row(it, &around, s ? CONTEXTS : 0, size[3]);
  }
  return VOXZ_OK;
}

static void start(walk *it, vx_bytes part) {
  it->words = part.at;
  it->count = vx_bytes_left(&part) / 2;
  it->state = next_word(it) << 16;
  it->state |= next_word(it);
  for (unsigned i = 0; i < 2 * CONTEXTS; i++) it->chance[i] = LOWEST / 2;
}

voxz_status vx_decode_plane(vx_task *task, vx_bytes part, const uint32_t size[4], uint8_t **plane) {
  const size_t rows = (size_t)size[0] * size[1] * size[2], width = size[3], pitch = width + 2 * BESIDE;
  uint8_t *padded;
  walk *it;
  VX_CHECK(task, vx_bytes_left(&part) >= 4 && vx_bytes_left(&part) % 2 == 0, "a bit plane takes an even number of bytes, at least 4");
  VX_NEW(task, *plane, rows * width);
  const size_t used = task->used;
  VX_NEW(task, padded, (rows + 1) * pitch);
  VX_NEW(task, it, 1);
  start(it, part);
  for (uint32_t s = 0; s < size[0]; s++)
    for (uint32_t z = 0; z < size[1]; z++) VX_TRY(decode_slice(task, it, padded, size, s, z));
  VX_CHECK(task, it->state == LOWEST && it->next == it->count, "a bit plane does not end where its bytes do");
  for (size_t row = 0; row < rows; row++) memcpy(*plane + row * width, padded + row * pitch + BESIDE, width);
  task->used = used;
  return VOXZ_OK;
}

size_t vx_count_plane(const uint8_t *plane, size_t places) {
  size_t count = 0;
  for (size_t i = 0; i < places; i++) count += plane[i];
  return count;
}
