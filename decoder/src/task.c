#include "task.h"

enum { ALIGNMENT = 16 };

/* Under the address sanitizer every piece of memory has a gap behind it that nothing may touch. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
enum { GAP = 64 };
#else
enum { GAP = 0 };
#define ASAN_POISON_MEMORY_REGION(memory, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)0)
#endif

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

size_t vx_brick_samples(const vx_brick *brick) {
  return (size_t)brick->series * brick->z * brick->y * brick->x * brick->channels;
}
