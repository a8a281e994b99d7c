/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

/* One channel at a time: its parameters stay in registers for all pixels. */
void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const edge_row_sum_t local = *p;
  const uint32_t channels = local.channels;
  const uint32_t size = channels * local.width;
  for (uint32_t c = 0; c < channels; c++) {
    const int8_t *weights = local.weights + c;
    const int32_t bias = local.bias[c];
    const int32_t multiplier = local.multiplier[c];
    const int32_t shift = local.shift[c];
    for (uint32_t i = c; i < size; i += channels) {
      int32_t sum = bias;
      for (uint32_t k = 0; k < local.taps; k++) {
        sum += rows[k][i] * weights[k * channels];
      }
      const int32_t scaled = edge_requantize(sum, multiplier, shift);
      const int32_t value = edge_clamp(scaled + local.zero_point, local.low, local.high);
      out[i] = local.table ? local.table[value + 128] : (int8_t)value;
    }
  }
}
