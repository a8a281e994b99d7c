/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of more than two values: of several tensors, and of a tensor along an axis. As in the
 * reference, each begins at -in_zero_point instead of 0, and wraps at 32 bits. */
#ifndef EDGE_SUMS_H
#define EDGE_SUMS_H

#include <stdint.h>

#include "edge_attributes.h"
#include "edge_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/* clamp(edge_rescale_any(sum << 19, multiplier, shift) + zero_point). */
typedef struct {
  int32_t multiplier;
  int8_t shift;
  int8_t in_zero_point, zero_point;
} edge_sum_scale_t;

/* Item by item, over `count` tensors of `size` items. */
typedef struct {
  edge_sum_scale_t scale;
  uint32_t size;
  uint32_t count;
} edge_add_n_t;

EDGE_KERNELS_ATTR void edge_add_n(const edge_add_n_t *p, const int8_t *const *in, int8_t *out);

/* Of [outer, count, inner] along the middle axis, each without the item itself if `exclusive`,
 * from the last one on if `reverse`. */
typedef struct {
  edge_sum_scale_t scale;
  uint32_t outer, count, inner;
  uint8_t exclusive, reverse;
} edge_cumsum_t;

EDGE_KERNELS_ATTR void edge_cumsum(const edge_cumsum_t *p, const int8_t *in, int8_t *out);

static inline uint32_t edge_sum_term(const edge_sum_scale_t *p, int32_t value) {
  return (uint32_t)(value - p->in_zero_point) << 19;
}

static inline int8_t edge_sum_output(const edge_sum_scale_t *p, uint32_t sum) {
  const int64_t scaled = edge_rescale_any(edge_wrap(sum), p->multiplier, p->shift);
  const int64_t value = scaled + p->zero_point;
  return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

#ifdef __cplusplus
}
#endif

#endif
