/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_pairs.h"
#include "edge_requantize.h"

static int8_t compared(const edge_compare_t *p, int32_t a, int32_t b) {
  const int32_t x = (a - p->a_zero_point) * (1 << 8);
  const int32_t y = (b - p->b_zero_point) * (1 << 8);
  const int32_t left = edge_rescale(x, p->a_multiplier, p->a_shift);
  const int32_t right = edge_rescale(y, p->b_multiplier, p->b_shift);
  const int32_t order = left < right ? 1 : left == right ? 2 : 4;
  return (int8_t)((p->accepted & order) != 0);
}

static void row(const void *p, const void *a, uint32_t a_step, const void *b, uint32_t b_step,
                void *out, uint32_t count) {
  const edge_compare_t local = *(const edge_compare_t *)p;
  const int8_t *x = a;
  const int8_t *y = b;
  int8_t *to = out;
  for (uint32_t n = 0; n < count; n++, x += a_step, y += b_step) {
    *to++ = compared(&local, *x, *y);
  }
}

void edge_compare(const edge_compare_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
  edge_broadcast(&p->shape, 1, 1, row, p, a, b, out);
}
