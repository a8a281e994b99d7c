/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_kernels.h"

void edge_copy(const edge_copy_t *p, const int8_t *in, int8_t *out) {
  const edge_copy_t local = *p;
  for (int32_t i = 0; i < local.extent[0]; i++) {
    for (int32_t j = 0; j < local.extent[1]; j++) {
      for (int32_t k = 0; k < local.extent[2]; k++) {
        const int8_t *x =
            in + i * local.in_stride[0] + j * local.in_stride[1] + k * local.in_stride[2];
        int8_t *y =
            out + i * local.out_stride[0] + j * local.out_stride[1] + k * local.out_stride[2];
        for (int32_t n = 0; n < local.extent[3]; n++) {
          const int8_t *from = x + n * local.in_stride[3];
          int8_t *to = y + n * local.out_stride[3];
          if (local.run == 1) {
            *to = *from;
          } else {
            memcpy(to, from, local.run);
          }
        }
      }
    }
  }
}
