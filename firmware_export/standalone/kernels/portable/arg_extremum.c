/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"

void edge_arg_extremum(const edge_arg_extremum_t *p, const int8_t *in, int32_t *out) {
  const edge_arg_extremum_t local = *p;
  const int32_t sign = local.is_largest ? 1 : -1;
  for (uint32_t i = 0; i < local.outer; i++, in += local.count * local.inner) {
    for (uint32_t j = 0; j < local.inner; j++) {
      int32_t best = in[j] * sign;
      uint32_t at = 0;
      for (uint32_t n = 1; n < local.count; n++) {
        const int32_t value = in[n * local.inner + j] * sign;
        if (value > best) {
          best = value;
          at = n;
        }
      }
      *out++ = (int32_t)at;
    }
  }
}
