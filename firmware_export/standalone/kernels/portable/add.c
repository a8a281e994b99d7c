/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

void edge_add(const edge_add_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
  const edge_add_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    out[i] = edge_sum(&local, a[i], b[i]);
  }
}
