/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

void edge_mul_broadcast(const edge_mul_broadcast_t *p, const int8_t *a, const int8_t *b,
                        int8_t *out) {
  const edge_mul_t local = p->mul;
  const edge_broadcast_t shape = p->shape;
  uint32_t a_stride[4];
  uint32_t b_stride[4];
  edge_find_strides(&shape, shape.a_repeats, a_stride);
  edge_find_strides(&shape, shape.b_repeats, b_stride);
  const uint32_t a_step = a_stride[3];
  const uint32_t b_step = b_stride[3];

  for (uint32_t i = 0; i < shape.extent[0]; i++) {
    for (uint32_t j = 0; j < shape.extent[1]; j++) {
      for (uint32_t k = 0; k < shape.extent[2]; k++) {
        const int8_t *x = a + i * a_stride[0] + j * a_stride[1] + k * a_stride[2];
        const int8_t *y = b + i * b_stride[0] + j * b_stride[1] + k * b_stride[2];
        for (uint32_t n = 0; n < shape.extent[3]; n++, x += a_step, y += b_step) {
          *out++ = edge_product(&local, *x, *y);
        }
      }
    }
  }
}
