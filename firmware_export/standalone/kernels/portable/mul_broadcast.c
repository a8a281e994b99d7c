/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_kernels.h"
#include "edge_requantize.h"

static void row(const void *p, const void *a, uint32_t a_step, const void *b, uint32_t b_step,
                void *out, uint32_t count) {
  const edge_mul_t local = *(const edge_mul_t *)p;
  const int8_t *x = a;
  const int8_t *y = b;
  int8_t *to = out;
  for (uint32_t n = 0; n < count; n++, x += a_step, y += b_step) {
    *to++ = edge_product(&local, *x, *y);
  }
}

void edge_mul_broadcast(const edge_mul_broadcast_t *p, const int8_t *a, const int8_t *b,
                        int8_t *out) {
  edge_broadcast(&p->shape, 1, 1, row, &p->mul, a, b, out);
}
