#include "pyramid.h"

#include "motion.h"
#include "transform.h"

static const double LOW_NORMS[VX_MOST_SCALES + 1] = {1.0, 1.0, 1.03279125, 1.05251321, 1.06481430, 1.07486023, 1.08435851};
static const double HIGH_NORMS[VX_MOST_SCALES] = {1.0, 0.97249524, 1.01694686, 1.04308910, 1.05732705, 1.06784831};

/* Of 5/3, whose halves are not scaled. */
static const double LOW_NORMS_53[VX_MOST_SCALES + 1] = {1.0, 1.22474487, 1.65831240, 2.31840462, 3.26917421, 4.61992965, 6.53237132};
static const double HIGH_NORMS_53[VX_MOST_SCALES] = {0.84779125, 0.96014322, 1.25934010, 1.74441072, 2.45387130, 3.46565177};

static const double LOW_GAIN_97 = 1.402108083026866;

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

unsigned vx_deepest(const vx_pyramid *pyramid) {
  unsigned deepest = 0;
  for (unsigned axis = 0; axis < 3; axis++)
    if (pyramid->scales[axis] > deepest) deepest = pyramid->scales[axis];
  return deepest;
}

void vx_lowest(const vx_pyramid *pyramid, unsigned scales, uint32_t size[3]) {
  for (unsigned axis = 0; axis < 3; axis++) {
    const unsigned halvings = least(scales, pyramid->scales[axis]);
    size[axis] = ((pyramid->size[axis] - 1) >> halvings) + 1;
  }
}

/* Norms of 9/7 along the axes, or of 5/3 along z where it follows motion, multiplied in the order z, y, x. */
static double separable_norm(const vx_pyramid *pyramid, unsigned scale, unsigned orientation) {
  double product = 1.0;
  for (unsigned axis = 0; axis < 3; axis++) {
    const unsigned all = pyramid->scales[axis];
    const double *lows = pyramid->motion && !axis ? LOW_NORMS_53 : LOW_NORMS, *highs = lows == LOW_NORMS ? HIGH_NORMS : HIGH_NORMS_53;
    product *= orientation >> axis & 1 ? highs[scale] : lows[orientation ? least(scale + 1, all) : all];
  }
  return product;
}

static double norm_of(const vx_pyramid *pyramid, unsigned scale, unsigned orientation) {
  if (!pyramid->transform) return separable_norm(pyramid, scale, orientation);
  return pyramid->lifting == VX_53 ? 1.0 : pyramid->transform->norms[pyramid->scales[0]][scale][orientation];
}

/* Whether there is such a band, and where it lies. */
static int find_band(const vx_pyramid *pyramid, unsigned scale, unsigned orientation, vx_band *band) {
  uint32_t full[3], low[3];
  vx_lowest(pyramid, scale, full);
  vx_lowest(pyramid, scale + 1, low);
  band->scale = scale;
  band->orientation = orientation;
  for (unsigned axis = 0; axis < 3; axis++) {
    const int high = orientation >> axis & 1;
    if (high && scale >= pyramid->scales[axis]) return 0;
    band->start[axis] = high ? low[axis] : 0;
    band->size[axis] = high ? full[axis] - low[axis] : low[axis];
    if (!band->size[axis]) return 0;
  }
  band->norm = norm_of(pyramid, scale, orientation);
  return 1;
}

unsigned vx_bands_of(const vx_pyramid *pyramid, vx_band bands[VX_MOST_BANDS]) {
  const unsigned deepest = vx_deepest(pyramid);
  unsigned count = 1;
  memset(&bands[0], 0, sizeof bands[0]);
  bands[0].scale = deepest;
  bands[0].norm = norm_of(pyramid, deepest, 0);
  vx_lowest(pyramid, deepest, bands[0].size);
  for (unsigned scale = deepest; scale-- > 0;)
    for (unsigned orientation = 1; orientation < 8; orientation++) count += (unsigned)find_band(pyramid, scale, orientation, &bands[count]);
  return count;
}

voxz_status vx_synthesise(vx_task *task, const vx_pyramid *pyramid, unsigned undone, double *volume) {
  if (pyramid->transform) return vx_synthesise_trained(task, pyramid, undone, volume);
  for (unsigned scale = vx_deepest(pyramid); scale-- > undone;) {
    uint32_t box[3];
    vx_lowest(pyramid, scale, box);
    for (unsigned axis = pyramid->motion ? 1 : 0; axis < 3; axis++)
      if (scale < pyramid->scales[axis]) VX_TRY(vx_lift(task, volume, pyramid->size, box, axis, pyramid->lifting, 0));
    if (pyramid->motion && scale < pyramid->scales[0]) VX_TRY(vx_merge_moved(task, pyramid, scale, volume));
  }
  return VOXZ_OK;
}

voxz_status vx_analyse(vx_task *task, const vx_pyramid *pyramid, double *volume) {
  for (unsigned scale = 0; scale < vx_deepest(pyramid); scale++) {
    uint32_t box[3];
    vx_lowest(pyramid, scale, box);
    for (unsigned axis = 3; axis-- > 0;)
      if (scale < pyramid->scales[axis]) VX_TRY(vx_lift(task, volume, pyramid->size, box, axis, pyramid->lifting, 1));
  }
  return VOXZ_OK;
}

double vx_gain(const vx_pyramid *pyramid, unsigned scales) {
  double gain = 1.0;
  for (unsigned axis = pyramid->motion ? 1 : 0; axis < 3 && pyramid->lifting != VX_53; axis++)
    for (unsigned k = 0; k < least(scales, pyramid->scales[axis]); k++) gain *= LOW_GAIN_97;
  return gain;
}

void vx_take_low(const double *volume, const uint32_t size[3], const uint32_t box[3], vx_lifting lifting, double gain, double *low) {
  for (size_t z = 0; z < box[0]; z++)
    for (size_t y = 0; y < box[1]; y++) {
      const double *row = volume + (z * size[1] + y) * size[2];
      for (size_t x = 0; x < box[2]; x++)
        *low++ = lifting == VX_SINGLE_97 ? (double)((float)row[x] / (float)gain) : lifting == VX_97 ? row[x] / gain : row[x];
    }
}
