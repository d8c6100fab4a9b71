#include "transform.h"
voxz_status vx_read_own_transform(vx_task *task, vx_bytes *payload, const unsigned scales[3], int reversible, vx_transform **transform) { (void)payload;(void)scales;(void)reversible;(void)transform; return vx_fail(task, VOXZ_UNSUPPORTED, "trained"); }
voxz_status vx_read_transform(vx_task *task, const uint8_t *file, size_t size, vx_transform **transform) { (void)file;(void)size;(void)transform; return vx_fail(task, VOXZ_UNSUPPORTED, "trained"); }
voxz_status vx_synthesise_trained(vx_task *task, const vx_pyramid *pyramid, double *volume) { (void)pyramid;(void)volume; return vx_fail(task, VOXZ_UNSUPPORTED, "trained"); }
