/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_pairs.h"

static uint32_t index_of(const uint32_t *stride, uint32_t i, uint32_t j, uint32_t k) {
  return i * stride[0] + j * stride[1] + k * stride[2];
}

void edge_select(const edge_select_t *p, const int8_t *choice, const void *x, const void *y,
                 void *out) {
  const edge_select_t local = *p;
  const uint8_t *from_x = x;
  const uint8_t *from_y = y;
  uint8_t *to = out;
  for (uint32_t i = 0; i < local.extent[0]; i++) {
    for (uint32_t j = 0; j < local.extent[1]; j++) {
      for (uint32_t k = 0; k < local.extent[2]; k++) {
        const int8_t *chosen = choice + index_of(local.choice_stride, i, j, k);
        const uint32_t first_x = index_of(local.x_stride, i, j, k);
        const uint32_t first_y = index_of(local.y_stride, i, j, k);
        for (uint32_t n = 0; n < local.extent[3]; n++, to += local.item) {
          const uint8_t *item = chosen[n * local.choice_stride[3]]
                                    ? from_x + (first_x + n * local.x_stride[3]) * local.item
                                    : from_y + (first_y + n * local.y_stride[3]) * local.item;
          memcpy(to, item, local.item);
        }
      }
    }
  }
}
