/* Trained models, which the caller gives: payloads name them by the first bytes of the SHA-256 of their files. */

#ifndef VOXZ_MODELS_H
#define VOXZ_MODELS_H

#include "bytes.h"

enum { VX_DIGEST = 8 };

/* The model that a payload names here. */
voxz_status vx_named_model(vx_task *task, vx_bytes *payload, const vx_model **model);

#endif
