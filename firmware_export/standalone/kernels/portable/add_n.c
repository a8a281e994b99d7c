/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_sums.h"

void edge_add_n(const edge_add_n_t *p, const int8_t *const *in, int8_t *out) {
  const edge_add_n_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    uint32_t sum = edge_sum_term(&local.scale, 0);
    for (uint32_t n = 0; n < local.count; n++) {
      sum += edge_sum_term(&local.scale, in[n][i]);
    }
    out[i] = edge_sum_output(&local.scale, sum);
  }
}
