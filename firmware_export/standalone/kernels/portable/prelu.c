/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_pairs.h"
#include "edge_requantize.h"

static int8_t sloped(const edge_prelu_t *p, int32_t x, int32_t slope) {
  const int32_t value = x - p->x_zero_point;
  const int32_t below = value * (slope - p->slope_zero_point);
  const int32_t scaled = value >= 0 ? edge_rescale(value, p->multiplier, p->shift)
                                    : edge_rescale(below, p->slope_multiplier, p->slope_shift);
  return (int8_t)edge_clamp(scaled + p->zero_point, -128, 127);
}

static void row(const void *p, const void *a, uint32_t a_step, const void *b, uint32_t b_step,
                void *out, uint32_t count) {
  const edge_prelu_t local = *(const edge_prelu_t *)p;
  const int8_t *x = a;
  const int8_t *y = b;
  int8_t *to = out;
  for (uint32_t n = 0; n < count; n++, x += a_step, y += b_step) {
    *to++ = sloped(&local, *x, *y);
  }
}

void edge_prelu(const edge_prelu_t *p, const int8_t *x, const int8_t *slope, int8_t *out) {
  edge_broadcast(&p->shape, 1, 1, row, p, x, slope, out);
}
