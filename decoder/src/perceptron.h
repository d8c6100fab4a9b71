/* Networks of layers, evaluated in IEEE doubles in a fixed order. */

#ifndef VOXZ_PERCEPTRON_H
#define VOXZ_PERCEPTRON_H

#include "bytes.h"

enum { VX_MOST_LAYERS = 16 };

typedef struct vx_perceptron {
  unsigned layers;
  uint32_t sizes[VX_MOST_LAYERS + 1]; /* from the inputs to the outputs */
  uint8_t activations[VX_MOST_LAYERS];
  double omegas[VX_MOST_LAYERS];
  size_t weights;     /* with biases, of one network */
  const double *flat; /* (networks, weights): weights (outputs, inputs) and bias of each layer in turn */
} vx_perceptron;

/* Sizes, activations and omegas, within bounds. */
voxz_status vx_read_perceptron(vx_task *task, vx_bytes *from, unsigned layers, vx_perceptron *network);

/* Whether evaluation at so many points may be asked for by a brick of so many samples. */
int vx_perceptron_is_affordable(const vx_perceptron *network, uint64_t points, uint64_t samples);

/* Weights of `count` networks of a whole part: float32, or multiples of a step for each tensor. */
voxz_status vx_read_float_weights(vx_task *task, vx_bytes part, uint32_t count, vx_perceptron *network);
voxz_status vx_read_weights(vx_task *task, vx_bytes part, uint32_t count, vx_perceptron *network);

/* Room that evaluation at so many points takes. */
voxz_status vx_perceptron_room(vx_task *task, const vx_perceptron *network, size_t points, double **room);

/* Outputs (outputs, points) of network `number` for inputs (inputs, points); they lie in the room. */
const double *vx_evaluate(const vx_perceptron *network, uint32_t number, const double *inputs, size_t points, double *room);

#endif
