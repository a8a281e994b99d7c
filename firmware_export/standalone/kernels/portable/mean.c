/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

void edge_mean(const edge_mean_t *p, const int8_t *in, int8_t *out) {
  const edge_mean_t local = *p;
  /* Bytes from one item of an axis to the next. */
  const uint32_t inner = local.kept[2];
  const uint32_t reduced1 = inner * local.reduced[1];
  const uint32_t reduced0 = reduced1 * local.kept[1];
  for (uint32_t i = 0; i < local.kept[0]; i++, in += reduced0 * local.reduced[0]) {
    for (uint32_t j = 0; j < local.kept[1]; j++) {
      for (uint32_t k = 0; k < local.kept[2]; k++) {
        const int8_t *plane = in + j * reduced1 + k;
        int32_t sum = local.offset;
        for (uint32_t m = 0; m < local.reduced[0]; m++) {
          const int8_t *line = plane + m * reduced0;
          for (uint32_t n = 0; n < local.reduced[1]; n++) {
            sum += line[n * inner];
          }
        }
        const int32_t scaled = edge_rescale(sum, local.multiplier, local.shift);
        *out++ = (int8_t)edge_clamp(scaled + local.zero_point, -128, 127);
      }
    }
  }
}
