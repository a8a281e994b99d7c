/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over taps, for edge_row_sum and edge_depthwise.
 *
 * Products of int8 take 15 bits: two may be added in 16 bits unless both weights are -128. So taps
 * are processed in pairs, and weights with a -128 in a different way.
 */
#ifndef EDGE_MVE_TAPS_H
#define EDGE_MVE_TAPS_H

#include "edge_attributes.h"
#include "edge_mve.h"

/* Maximum per window. */
#define EDGE_MVE_TAPS 32

/* One tap: its value in the first pixel and its weight, of channel 0. */
typedef struct {
  const int8_t *from;
  const int8_t *weights;
} edge_mve_tap_t;

/* A run of pixels with the same taps.
 *
 * `outside` are taps in the padding, which has the value `padding`. */
typedef struct {
  const edge_mve_tap_t *taps;
  const edge_mve_tap_t *outside;
  uint32_t count, outside_count;
  const int32_t *bias;
  const int32_t *multiplier;
  const int8_t *shift;
  uint32_t channels;
  uint32_t pixels;
  uint32_t in_step, out_step; /* bytes from pixel to pixel; at most 65535 for all pixels */
  int32_t padding;
  int16_t zero_point;
} edge_mve_stretch_t;

/* Whether pairs of products with these weights fit in 16 bits. */
static inline int edge_mve_pairs_fit(const int8_t *weights, uint32_t size) {
  int8_t least = 0;
  for (int32_t left = (int32_t)size; left > 0; left -= 16, weights += 16) {
    least = vminvq_s8(least, vldrbq_z_s8(weights, vctp8q((uint32_t)left)));
  }
  return least > -128;
}

/* All outputs of a run; not clamped, see edge_mve_finish(). */
EDGE_KERNELS_ATTR void edge_mve_sum_taps(const edge_mve_stretch_t *s, int8_t *out);

#endif
