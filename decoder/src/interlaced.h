/* Settings 10: rows in phases, each coded as a whole. */

#ifndef VOXZ_INTERLACED_H
#define VOXZ_INTERLACED_H

#include "value_map.h"

/* Decode what follows the value map: the rest of the side information, words and raw bits. */
voxz_status vx_decode_interlaced(vx_task *task, vx_side *side, const vx_values *values, const uint8_t *words, size_t words_length,
                                 vx_bytes raw, const vx_brick *brick, void *samples);

#endif
