#include "heavy.h"
voxz_status vx_read_network(vx_task *task, const uint8_t *file, size_t size, const vx_network **network) { (void)file; (void)size; (void)network; return vx_fail(task, VOXZ_UNSUPPORTED, "heavy"); }
voxz_status vx_new_heavy(vx_task *task, const vx_network *network, const vx_pyramid *pyramid, uint32_t components, vx_coder *coder,
                         vx_profile *profile) { (void)network;(void)pyramid;(void)components;(void)coder;(void)profile; return vx_fail(task, VOXZ_UNSUPPORTED, "heavy"); }
