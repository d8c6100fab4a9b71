/* The walk over a band: what is known around each coefficient, in both profiles, and where decoded coefficients go. */

#ifndef VOXZ_BAND_H
#define VOXZ_BAND_H

#include "coder.h"
#include "odds.h"
#include "pyramid.h"

enum {
  VX_IN_BAND = 14,       /* features of the expectation inside the band */
  VX_LEANING = 13,       /* neighbours that tell a sign */
  VX_MOST_KNOWN = 8,     /* planes: parent, six sisters, the component before */
  VX_MOST_WEIGHTS = VX_IN_BAND + 2 * VX_MOST_KNOWN + 1,
  VX_BESIDE = 2,         /* columns of margin on either side of a row */
  VX_BINS = 49,
  VX_DEPTH = 10,         /* decisions that are told apart */
  VX_LONGEST = 18,       /* decisions after which the rest follows */
  VX_MOST_BITS = 26,     /* of an index */
  VX_MOST_STATES = 32,
  VX_UNITS = 32          /* units of half a step */
};

typedef struct vx_trellis {
  unsigned states;
  uint8_t after[VX_MOST_STATES][2]; /* by the parity of the index */
  uint8_t quantiser[VX_MOST_STATES];
} vx_trellis;

/* Rows around the one that is decoded, of magnitudes or of magnitudes with signs, behind their margin. Those that do not exist
   are rows of zeros. */
typedef struct vx_around {
  int32_t *row;
  const int32_t *up, *top, *back, *above, *below, *far;
} vx_around;

/* Which planes are known, by where they are from. */
typedef struct vx_known {
  int parent, previous;
  unsigned sisters; /* bit o: that of orientation o */
  unsigned count;
} vx_known;

/* A band while it is decoded. Three slices of rows are kept: slice z lies where z mod 3 says. */
typedef struct vx_walk {
  const vx_band *band;
  unsigned component;
  vx_known known;
  const vx_trellis *trellis;
  const int64_t *sums;                /* (z, y, x): part of the expectation that is known as a whole */
  const int32_t *known_signed;        /* the component: magnitudes of its bands so far, with signs; the one before lies before it */
  size_t places;                      /* of a component */
  const int32_t *rows;                /* of `sizes`, with margins, each of `pitch` */
  size_t pitch;
  const int32_t *planes;              /* (known, 2, z, y, x): magnitudes of other bands, and the sums of their faces */
  int64_t weights[VX_MOST_WEIGHTS];   /* of the expectation, in 1/1024 */
  int64_t leaning[VX_LEANING];
  int64_t shifts[2][2];               /* by quantiser and whether the index is above 1 */
  uint32_t z, y;
  vx_around sizes, signs;
  unsigned state;
} vx_walk;

/* What codes indices, of either profile. A row's indices become its `sizes`, `signs` and units: see vx_put. */
typedef struct vx_profile {
  void *learner;
  voxz_status (*begin)(vx_task *task, void *learner, const vx_walk *walk);
  voxz_status (*row)(vx_task *task, void *learner, vx_walk *walk, double *units);
  void (*end)(void *learner, const vx_walk *walk, const int32_t *known);
} vx_profile;

vx_trellis vx_trellis_of(unsigned states);

/* Decode a band, and note its coefficients in units, and its magnitudes with signs, in their places of a component's volumes
   of this size. `task` is set back by the caller. */
voxz_status vx_walk_band(vx_task *task, const vx_profile *profile, vx_walk *walk, const uint32_t size[3], double *units, int32_t *known);

/* Note an index at column x of the row: its magnitude, its sign, its units, and the next state. */
void vx_put(vx_walk *walk, uint32_t x, int64_t index, double *units);

/* Sums over finished rows: of the expectation, and of where coefficients lean; 32 times in 1/1024. */
void vx_row_part(const vx_walk *walk, int64_t *line);
void vx_row_leaning(const vx_walk *walk, int64_t *line);

/* The bin of a number: bins begin at thirds of octaves. */
unsigned vx_bin(int64_t number);

/* What is read after VX_LONGEST decisions. */
uint64_t vx_beyond(vx_coder *coder);

/* Values of four signs, near and farther, 0 to 80; and one of 31 bins of a leaning. */
unsigned vx_near_signs(const vx_walk *walk, uint32_t x);
unsigned vx_far_signs(const vx_walk *walk, uint32_t x);
unsigned vx_lean_bin(int64_t lean, int64_t expected);

/* Digits min(W, 3), min(N, 3), min(P, 3) of base 4. */
unsigned vx_nearest(const vx_walk *walk, uint32_t x);

#endif
