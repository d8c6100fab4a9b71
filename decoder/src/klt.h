/* The transform along a series: volumes from principal components. */

#ifndef VOXZ_KLT_H
#define VOXZ_KLT_H

#include "bytes.h"

/* The basis (volumes, components) of a whole part. */
voxz_status vx_read_basis(vx_task *task, vx_bytes part, uint32_t volumes, uint32_t components, double **basis);

/* Replace components (components, places) by volumes (volumes, places); there is room for the larger number. */
voxz_status vx_mix(vx_task *task, const double *basis, uint32_t volumes, uint32_t components, size_t places, double *values);

#endif
