/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_kernels.h"
#include "edge_requantize.h"

static void sum(const void *p, const void *a, const void *b, void *out) {
  *(int8_t *)out = edge_sum(p, *(const int8_t *)a, *(const int8_t *)b);
}

void edge_add_broadcast(const edge_add_broadcast_t *p, const int8_t *a, const int8_t *b,
                        int8_t *out) {
  const edge_add_t local = p->add;
  edge_broadcast(&p->shape, 1, 1, sum, &local, a, b, out);
}
