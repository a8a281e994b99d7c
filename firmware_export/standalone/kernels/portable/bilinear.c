/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

void edge_bilinear(const edge_bilinear_t *p, const int8_t *in, int8_t *out) {
  const edge_bilinear_t local = *p;
  const uint32_t channels = local.channels;
  const uint32_t in_row = local.in_width * channels;
  for (uint32_t n = 0; n < local.batches; n++, in += local.in_height * in_row) {
    const int16_t *row = local.rows;
    for (uint32_t y = 0; y < local.out_height; y++, row += 3) {
      const int8_t *above = in + (uint32_t)row[0] * in_row;
      const int8_t *below = in + (uint32_t)row[1] * in_row;
      const int16_t *column = local.columns;
      for (uint32_t x = 0; x < local.out_width; x++, column += 3) {
        const uint32_t left = (uint32_t)column[0] * channels;
        const uint32_t right = (uint32_t)column[1] * channels;
        const int32_t to_left = 1024 - column[2];
        const int32_t to_right = column[2];
        for (uint32_t c = 0; c < channels; c++) {
          const int32_t upper = above[left + c] * to_left + above[right + c] * to_right;
          const int32_t lower = below[left + c] * to_left + below[right + c] * to_right;
          const int32_t sum = upper * (1024 - row[2]) + lower * row[2];
          *out++ = (int8_t)edge_divide_by_power(sum, 20);
        }
      }
    }
  }
}
