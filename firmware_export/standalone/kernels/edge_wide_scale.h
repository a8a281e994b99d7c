/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_WIDE_SCALE_H
#define EDGE_WIDE_SCALE_H

#include "edge_requantize.h"
#include "edge_wide.h"

/* The sum of products of 16 and 8 bits; 2^8 of them have 31. */
static inline int64_t edge_wide_dot(const int16_t *in, const int8_t *weights, uint32_t size) {
  int64_t total = 0;
  while (size > 0) {
    const uint32_t part = size < 256 ? size : 256;
    int32_t sum = 0;
    for (uint32_t i = 0; i < part; i++) {
      sum += in[i] * weights[i];
    }
    total += sum;
    in += part;
    weights += part;
    size -= part;
  }
  return total;
}

/* The output of a channel. Sums of 64 bits are scaled with the upper half of the multiplier. */
static inline int16_t edge_wide_output(const edge_wide_convolution_t *p, uint32_t channel,
                                       int64_t sum) {
  const int32_t multiplier = p->multiplier[channel];
  const int32_t shift = p->shift[channel];
  int32_t scaled;
  if (p->is_narrow) {
    scaled = edge_rescale_any(edge_wrap((uint32_t)(uint64_t)sum), multiplier, shift);
  } else {
    const int32_t upper = multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
    const int32_t total = 15 + shift;
    const int64_t rounded = sum * upper + (INT64_C(1) << (total - 1));
    scaled = edge_wrap((uint32_t)(uint64_t)(rounded >> total));
  }
  return (int16_t)edge_clamp(scaled, p->low, p->high);
}

#endif
