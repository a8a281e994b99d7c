/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_sums.h"

void edge_cumsum(const edge_cumsum_t *p, const int8_t *in, int8_t *out) {
  const edge_cumsum_t local = *p;
  const uint32_t plane = local.count * local.inner;
  for (uint32_t i = 0; i < local.outer; i++, in += plane, out += plane) {
    for (uint32_t j = 0; j < local.inner; j++) {
      uint32_t sum = edge_sum_term(&local.scale, 0);
      for (uint32_t n = 0; n < local.count; n++) {
        const uint32_t row = local.reverse ? local.count - 1 - n : n;
        const uint32_t at = row * local.inner + j;
        const uint32_t before = sum;
        sum += edge_sum_term(&local.scale, in[at]);
        out[at] = edge_sum_output(&local.scale, local.exclusive ? before : sum);
      }
    }
  }
}
