#include "task.h"

enum { ALIGNMENT = 16 };

/* Under the address sanitizer every piece of memory has a gap behind it that nothing may touch. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WATCHED
#endif
#ifdef WATCHED
#include <sanitizer/asan_interface.h>
enum { GAP = 64 };
#else
enum { GAP = 0 };
#define ASAN_POISON_MEMORY_REGION(memory, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)0)
#endif

const unsigned VX_FULL[3] = {0, 0, 0};

voxz_status vx_fail(vx_task *task, voxz_status status, const char *message) {
  task->message = message;
  return status;
}

void *vx_take(vx_task *task, uint64_t count, size_t size) {
  const size_t left = task->size - task->used;
  const uint64_t room = left < ALIGNMENT + GAP ? 0 : left - ALIGNMENT - GAP;
  if (count > room / size) {
    task->message = "the memory that was given is too small";
    return NULL;
  }
  const size_t bytes = (size_t)count * size;
  const size_t address = (size_t)((uintptr_t)(task->memory + task->used) % ALIGNMENT);
  unsigned char *found = task->memory + task->used + (ALIGNMENT - address) % ALIGNMENT;
  task->used = (size_t)(found - task->memory) + bytes + GAP;
  ASAN_UNPOISON_MEMORY_REGION(found, bytes);
  ASAN_POISON_MEMORY_REGION(found + bytes, GAP);
  memset(found, 0, bytes);
  return found;
}

vx_brick vx_halved(const vx_brick *brick, const unsigned halvings[3]) {
  vx_brick halved = *brick;
  halved.z = ((brick->z - 1) >> halvings[0]) + 1;
  halved.y = ((brick->y - 1) >> halvings[1]) + 1;
  halved.x = ((brick->x - 1) >> halvings[2]) + 1;
  return halved;
}

size_t vx_brick_samples(const vx_brick *brick) {
  return (size_t)brick->series * brick->z * brick->y * brick->x * brick->channels;
}
