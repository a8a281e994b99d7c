/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_requantize.h"
#include "edge_wide.h"

static int16_t sum_of(const edge_wide_add_t *p, int32_t a, int32_t b) {
  const int32_t scaled_a = a * (p->a_sign * (1 << 14));
  const int32_t scaled_b = edge_requantize(b * (1 << 15), p->b_multiplier, p->b_shift);
  const int32_t sum = scaled_a + scaled_b * p->b_sign;
  const int32_t value = edge_requantize(sum, p->multiplier, p->shift);
  return (int16_t)edge_clamp(value, p->low, p->high);
}

static void row(const void *p, const void *a, uint32_t a_step, const void *b, uint32_t b_step,
                void *out, uint32_t count) {
  const edge_wide_add_t local = *(const edge_wide_add_t *)p;
  const int16_t *x = a;
  const int16_t *y = b;
  int16_t *to = out;
  for (uint32_t n = 0; n < count; n++, x += a_step, y += b_step) {
    *to++ = sum_of(&local, *x, *y);
  }
}

void edge_wide_add(const edge_wide_add_t *p, const int16_t *a, const int16_t *b, int16_t *out) {
  edge_broadcast(&p->shape, 2, 2, row, p, a, b, out);
}
