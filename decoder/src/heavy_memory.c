#include "heavy_memory.h"

static size_t places_of(const uint32_t size[3]) { return (size_t)size[0] * size[1] * size[2]; }

voxz_status vx_new_memory(vx_task *task, const vx_pyramid *pyramid, uint32_t components, vx_memory *memory) {
  vx_band bands[VX_MOST_BANDS];
  size_t largest[VX_MOST_SCALES] = {0};
  const unsigned count = vx_bands_of(pyramid, bands);
  for (unsigned i = 1; i < count; i++)
    if (places_of(bands[i].size) > largest[bands[i].scale]) largest[bands[i].scale] = places_of(bands[i].size);
  memory->pyramid = pyramid;
  VX_NEW(task, memory->states, components);
  for (uint32_t c = 0; c < components; c++)
    for (unsigned scale = 0; scale < VX_MOST_SCALES; scale++) VX_NEW(task, memory->states[c][scale].values, largest[scale]);
  return VOXZ_OK;
}

static size_t held(size_t place, uint32_t count) { return place < count ? place : count - 1; }

void vx_remember(const vx_functions *functions, vx_memory *memory, unsigned component, const vx_band *band, const int32_t *known) {
  const uint32_t *size = memory->pyramid->size;
  if (!band->orientation) return;
  vx_scale_state *state = &memory->states[component][band->scale];
  if (!state->count++) memcpy(state->size, band->size, sizeof state->size);
  double *sum = state->values;
  for (size_t z = 0; z < state->size[0]; z++)
    for (size_t y = 0; y < state->size[1]; y++) {
      const int32_t *row = known + ((band->start[0] + held(z, band->size[0])) * size[1] + band->start[1] + held(y, band->size[1])) * size[2];
      for (size_t x = 0; x < state->size[2]; x++)
        *sum++ += vx_log_of_magnitude(functions, (int32_t)vx_magnitude(row[band->start[2] + held(x, band->size[2])]));
    }
}

/* One line of a plane, blurred; samples are `apart`. */
static void blur_line(double *line, size_t count, size_t apart) {
  double before = line[0];
  for (size_t i = 0; i < count; i++) {
    const double here = line[i * apart], after = line[(i + 1 < count ? i + 1 : i) * apart];
    line[i * apart] = 0.5 * here + 0.25 * (before + after);
    before = here;
  }
}

void vx_blur(const uint32_t size[3], double *plane) {
  const size_t strides[3] = {(size_t)size[1] * size[2], size[2], 1};
  for (unsigned axis = 0; axis < 3; axis++) {
    const unsigned first = axis ? 0 : 1, second = axis == 2 ? 1 : 2;
    for (size_t i = 0; i < size[first]; i++)
      for (size_t k = 0; k < size[second]; k++) blur_line(plane + i * strides[first] + k * strides[second], size[axis], strides[axis]);
  }
}

/* A state at the places of a band or state of this size, one scale finer. */
static double state_at(const vx_memory *memory, const vx_scale_state *state, unsigned scale, const size_t at[3]) {
  size_t place = 0;
  for (unsigned axis = 0; axis < 3; axis++) {
    const unsigned halved = scale < memory->pyramid->scales[axis];
    place = place * state->size[axis] + held(at[axis] >> halved, state->size[axis]);
  }
  return state->values[place];
}

/* From the sum to the state: the mean, blurred, and half of that of the coarser scale, plus an octave. */
static void settle(vx_memory *memory, unsigned component, unsigned scale) {
  vx_scale_state *state = &memory->states[component][scale];
  const vx_scale_state *coarser = scale + 1 < VX_MOST_SCALES ? &memory->states[component][scale + 1] : NULL;
  if (state->settled || !state->count) return;
  state->settled = 1;
  for (size_t i = 0; i < places_of(state->size); i++) state->values[i] /= (double)state->count;
  vx_blur(state->size, state->values);
  if (!coarser || !coarser->count) return;
  double *value = state->values;
  for (size_t z = 0; z < state->size[0]; z++)
    for (size_t y = 0; y < state->size[1]; y++)
      for (size_t x = 0; x < state->size[2]; x++, value++) {
        const size_t at[3] = {z, y, x};
        *value = 0.5 * *value + 0.5 * (state_at(memory, coarser, scale + 1, at) + 1.0);
      }
}

voxz_status vx_long_term(vx_task *task, vx_memory *memory, unsigned component, const vx_band *band, const double **state) {
  const unsigned scale = band->scale + 1;
  double *values;
  *state = NULL;
  if (!band->orientation || scale >= VX_MOST_SCALES) return VOXZ_OK;
  for (unsigned coarser = VX_MOST_SCALES; coarser-- > scale;) settle(memory, component, coarser);
  const vx_scale_state *found = &memory->states[component][scale];
  if (!found->count) return VOXZ_OK;
  VX_NEW(task, values, places_of(band->size));
  *state = values;
  for (size_t z = 0; z < band->size[0]; z++)
    for (size_t y = 0; y < band->size[1]; y++)
      for (size_t x = 0; x < band->size[2]; x++) {
        const size_t at[3] = {z, y, x};
        *values++ = state_at(memory, found, scale, at);
      }
  return VOXZ_OK;
}
