/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

void edge_uniform(const edge_uniform_t *p, const int8_t *in, int8_t *out) {
  const edge_uniform_t local = *p;
  const uint32_t size = (uint32_t)local.pixels * local.channels;
  for (uint32_t c = 0; c < local.channels; c++) {
    int32_t sum = 0;
    for (uint32_t i = c; i < size; i += local.channels) {
      sum += in[i];
    }
    sum = sum * local.weights[c] + local.bias[c];
    const edge_output_t to = edge_output_of(local.multiplier[c], local.shift[c], local.zero_point,
                                            local.low, local.high, local.table);
    out[c] = edge_output(to, sum);
  }
}
