/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

void edge_sliding_mean(const edge_sliding_mean_t *p, const int8_t *in, int8_t *out, int8_t *ring,
                       void *counts) {
  const edge_sliding_mean_t local = *p;
  uint32_t *const oldest = counts;
  int32_t *const sums = (int32_t *)counts + 1;
  int8_t *const frame = ring + *oldest * local.channels;
  for (uint32_t c = 0; c < local.channels; c++) {
    sums[c] += in[c] - frame[c];
    frame[c] = in[c];
    const int32_t sum = sums[c] * local.weights[c] + local.bias[c];
    const edge_output_t to = edge_output_of(local.multiplier[c], local.shift[c], local.zero_point,
                                            local.low, local.high, local.table);
    out[c] = edge_output(to, sum);
  }
  *oldest = *oldest + 1 < local.frames ? *oldest + 1 : 0;
}
