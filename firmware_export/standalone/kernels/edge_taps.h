/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over taps of one channel, for neighbouring pixels. Shared by the portable kernels that know
 * where each tap of the first pixel is. */
#ifndef EDGE_TAPS_H
#define EDGE_TAPS_H

#include <stdint.h>

/* sums[i] = bias + the products of up to four taps of pixel i. `taps` are where the first pixel's
 * are; missing ones are any others. Pixels are `step` apart; weights[k * channels] is that of tap
 * k. */
static inline void edge_four_taps(const int8_t *const taps[4], uint32_t count,
                                  const int8_t *weights, uint32_t channels, uint32_t step,
                                  int32_t bias, int32_t *sums, uint32_t pixels) {
  const int8_t *const x0 = taps[0];
  const int8_t *const x1 = taps[1];
  const int8_t *const x2 = taps[2];
  const int8_t *const x3 = taps[3];
  const int32_t w0 = weights[0];
  const int32_t w1 = count > 1 ? weights[channels] : 0;
  const int32_t w2 = count > 2 ? weights[2 * channels] : 0;
  const int32_t *const end = sums + pixels;
  uint32_t at = 0;
  if (count <= 3) {
    for (; sums != end; sums++, at += step) {
      *sums = bias + x0[at] * w0 + x1[at] * w1 + x2[at] * w2;
    }
    return;
  }
  const int32_t w3 = weights[3 * channels];
  for (; sums != end; sums++, at += step) {
    *sums = bias + x0[at] * w0 + x1[at] * w1 + x2[at] * w2 + x3[at] * w3;
  }
}

/* Adds the products of one more tap. */
static inline void edge_add_tap(const int8_t *x, int32_t weight, uint32_t step, int32_t *sums,
                                uint32_t pixels) {
  for (const int32_t *end = sums + pixels; sums != end; sums++, x += step) {
    *sums += *x * weight;
  }
}

/* Adds those of two more, whose weights and whose pixels are `channels` apart. */
static inline void edge_add_two_taps(const int8_t *const taps[2], const int8_t *weights,
                                     uint32_t channels, int32_t *sums, uint32_t pixels) {
  const int8_t *const x0 = taps[0];
  const int8_t *const x1 = taps[1];
  const int32_t w0 = weights[0];
  const int32_t w1 = weights[channels];
  uint32_t at = 0;
  for (const int32_t *end = sums + pixels; sums != end; sums++, at += channels) {
    *sums += x0[at] * w0 + x1[at] * w1;
  }
}

#endif
