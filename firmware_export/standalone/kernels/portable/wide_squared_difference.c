/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_requantize.h"
#include "edge_wide.h"

static int16_t squared(const edge_wide_squared_difference_t *p, int32_t a, int32_t b) {
  const int32_t scaled_a = edge_rescale_any(a, p->a_multiplier, p->a_shift);
  const int32_t scaled_b = edge_rescale_any(b, p->b_multiplier, p->b_shift);
  const int32_t difference = scaled_a - scaled_b;
  const int32_t value = edge_rescale_any(difference * difference, p->multiplier, p->shift);
  return (int16_t)edge_clamp(value, INT16_MIN, INT16_MAX);
}

static void row(const void *p, const void *a, uint32_t a_step, const void *b, uint32_t b_step,
                void *out, uint32_t count) {
  const edge_wide_squared_difference_t local = *(const edge_wide_squared_difference_t *)p;
  const int16_t *x = a;
  const int16_t *y = b;
  int16_t *to = out;
  for (uint32_t n = 0; n < count; n++, x += a_step, y += b_step) {
    *to++ = squared(&local, *x, *y);
  }
}

void edge_wide_squared_difference(const edge_wide_squared_difference_t *p, const int16_t *a,
                                  const int16_t *b, int16_t *out) {
  edge_broadcast(&p->shape, 2, 2, row, p, a, b, out);
}
