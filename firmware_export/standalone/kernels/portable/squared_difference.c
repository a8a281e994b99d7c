/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_pairs.h"
#include "edge_requantize.h"

static void squared(const void *p, const void *a, const void *b, void *out) {
  const edge_squared_difference_t *local = p;
  const int32_t x = (*(const int8_t *)a - local->a_zero_point) * (1 << 6);
  const int32_t shifted = (*(const int8_t *)b - local->b_zero_point) * (1 << 7);
  const int32_t difference = x - edge_requantize(shifted, local->b_multiplier, local->b_shift);
  const int32_t square = difference * difference;
  const int32_t scaled = edge_rescale_any(square, local->multiplier, local->shift);
  const int64_t value = (int64_t)scaled + local->zero_point;
  *(int8_t *)out = (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

void edge_squared_difference(const edge_squared_difference_t *p, const int8_t *a, const int8_t *b,
                             int8_t *out) {
  const edge_squared_difference_t local = *p;
  edge_broadcast(&local.shape, 1, 1, squared, &local, a, b, out);
}
