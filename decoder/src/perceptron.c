#include "perceptron.h"

#include "numbers.h"

#include <math.h>

enum { IDENTITY, SINE, RELU, TANH, MOST_UNITS = 4096, MOST_WEIGHTS = 1 << 26 };

static double sine(double x) {
  const double turns = floor(x * 0.3183098861837907 + 0.5);
  const double r = (x - turns * 3.1415926218032837) - turns * 3.178650954705639e-08, s = r * r;
  const double tail = 1.0 / 362880.0 + s * (-1.0 / 39916800.0 + s * (1.0 / 6227020800.0 + s * (-1.0 / 1307674368000.0)));
  const double value = r + r * s * (-1.0 / 6.0 + s * (1.0 / 120.0 + s * (-1.0 / 5040.0 + s * tail)));
  const double half = turns * 0.5;
  return value * (1.0 - 4.0 * (half - floor(half)));
}

static double tangent(double x) {
  const double farthest = 12.0, low = x > -farthest ? x : -farthest, a = 0.25 * (low < farthest ? low : farthest), s = a * a;
  double t = a * (135135.0 + s * (17325.0 + s * (378.0 + s))) / (135135.0 + s * (62370.0 + s * (3150.0 + s * 28.0)));
  t = 2.0 * t / (1.0 + t * t);
  return 2.0 * t / (1.0 + t * t);
}

static void activate(double *values, size_t count, unsigned activation, double omega) {
  for (size_t i = 0; i < count; i++) {
    if (activation == SINE) values[i] = sine(omega * values[i]);
    if (activation == RELU) values[i] = values[i] > 0.0 ? values[i] : 0.0;
    if (activation == TANH) values[i] = tangent(values[i]);
  }
}

/* A layer: sums begin with the bias and add the products in the order of the inputs. */
static void dense(const double *weights, const double *bias, uint32_t inputs, uint32_t outputs, size_t points, const double *source,
                  double *target) {
  for (uint32_t o = 0; o < outputs; o++, target += points) {
    for (size_t p = 0; p < points; p++) target[p] = bias[o];
    for (uint32_t i = 0; i < inputs; i++) {
      const double weight = weights[(size_t)o * inputs + i], *values = source + i * points;
      for (size_t p = 0; p < points; p++) target[p] += weight * values[p];
    }
  }
}

static uint32_t widest(const vx_perceptron *network) {
  uint32_t most = 0;
  for (unsigned k = 0; k <= network->layers; k++) most = network->sizes[k] > most ? network->sizes[k] : most;
  return most;
}

voxz_status vx_perceptron_room(vx_task *task, const vx_perceptron *network, size_t points, double **room) {
  VX_NEW(task, *room, 2 * (uint64_t)widest(network) * points);
  return VOXZ_OK;
}

const double *vx_evaluate(const vx_perceptron *network, uint32_t number, const double *inputs, size_t points, double *room) {
  const double *source = inputs, *flat = network->flat + number * network->weights;
  const size_t half = widest(network) * points;
  for (unsigned layer = 0; layer < network->layers; layer++) {
    const uint32_t columns = network->sizes[layer], rows = network->sizes[layer + 1];
    const double *bias = flat + (size_t)columns * rows;
    double *target = room + (layer & 1) * half;
    dense(flat, bias, columns, rows, points, source, target);
    activate(target, rows * points, network->activations[layer], network->omegas[layer]);
    flat = bias + rows;
    source = target;
  }
  return source;
}

voxz_status vx_read_perceptron(vx_task *task, vx_bytes *from, unsigned layers, vx_perceptron *network) {
  uint64_t weights = 0;
  VX_CHECK(task, layers >= 1 && layers <= VX_MOST_LAYERS, "a network must have 1 to 16 layers");
  network->layers = layers;
  for (unsigned k = 0; k <= layers; k++) network->sizes[k] = vx_u16(from);
  for (unsigned k = 0; k < layers; k++) network->activations[k] = vx_u8(from);
  for (unsigned k = 0; k < layers; k++) network->omegas[k] = (double)vx_f32(from);
  VX_CHECK(task, !from->overrun, "a brick ends early");
  for (unsigned k = 0; k <= layers; k++)
    VX_CHECK(task, network->sizes[k] >= 1 && network->sizes[k] <= MOST_UNITS, "the network of a brick is out of bounds");
  for (unsigned k = 0; k < layers; k++) {
    VX_CHECK(task, network->activations[k] <= TANH && vx_is_finite(network->omegas[k]), "the network of a brick is out of bounds");
    weights += ((uint64_t)network->sizes[k] + 1) * network->sizes[k + 1];
  }
  VX_CHECK(task, weights <= MOST_WEIGHTS, "the network of a brick is out of bounds");
  network->weights = (size_t)weights;
  return VOXZ_OK;
}

int vx_perceptron_is_affordable(const vx_perceptron *network, uint64_t points, uint64_t samples) {
  return network->weights * points <= (samples << 18) + (UINT64_C(1) << 38);
}
