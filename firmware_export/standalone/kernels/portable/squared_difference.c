/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_pairs.h"
#include "edge_requantize.h"

static int8_t squared(const edge_squared_difference_t *p, int32_t a, int32_t b) {
  const int32_t shifted = (b - p->b_zero_point) * (1 << 7);
  const int32_t scaled_b = edge_requantize(shifted, p->b_multiplier, p->b_shift);
  const int32_t difference = (a - p->a_zero_point) * (1 << 6) - scaled_b;
  const int32_t scaled = edge_rescale_any(difference * difference, p->multiplier, p->shift);
  const int64_t value = (int64_t)scaled + p->zero_point;
  return (int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
}

static void row(const void *p, const void *a, uint32_t a_step, const void *b, uint32_t b_step,
                void *out, uint32_t count) {
  const edge_squared_difference_t local = *(const edge_squared_difference_t *)p;
  const int8_t *x = a;
  const int8_t *y = b;
  int8_t *to = out;
  for (uint32_t n = 0; n < count; n++, x += a_step, y += b_step) {
    *to++ = squared(&local, *x, *y);
  }
}

void edge_squared_difference(const edge_squared_difference_t *p, const int8_t *a, const int8_t *b,
                             int8_t *out) {
  edge_broadcast(&p->shape, 1, 1, row, p, a, b, out);
}
