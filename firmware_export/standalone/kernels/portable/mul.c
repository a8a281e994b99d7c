/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

void edge_mul(const edge_mul_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
  const edge_mul_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    out[i] = edge_product(&local, a[i], b[i]);
  }
}
