/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_kernels.h"
#include "edge_requantize.h"

static void product(const void *p, const void *a, const void *b, void *out) {
  *(int8_t *)out = edge_product(p, *(const int8_t *)a, *(const int8_t *)b);
}

void edge_mul_broadcast(const edge_mul_broadcast_t *p, const int8_t *a, const int8_t *b,
                        int8_t *out) {
  const edge_mul_t local = p->mul;
  edge_broadcast(&p->shape, 1, 1, product, &local, a, b, out);
}
