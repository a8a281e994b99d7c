/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_batch_matmul.h"
#include "edge_requantize.h"

static int8_t item(const edge_batch_matmul_t *p, const int8_t *a, const int8_t *b) {
  uint32_t sum = 0;
  for (uint32_t n = 0; n < p->depth; n++, a += p->a_step, b += p->b_step) {
    sum += (uint32_t)((*a - p->a_zero_point) * (*b - p->b_zero_point));
  }
  const int32_t scaled = edge_rescale_any(edge_wrap(sum), p->multiplier, p->shift);
  const int32_t moved = edge_wrap((uint32_t)scaled + (uint32_t)(int32_t)p->zero_point);
  return (int8_t)edge_clamp(moved, -128, 127);
}

/* One product of matrices; returns the end of the output. */
static int8_t *matrix(const edge_batch_matmul_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
  for (uint32_t row = 0; row < p->rows; row++) {
    for (uint32_t column = 0; column < p->columns; column++) {
      *out++ = item(p, a + row * p->a_row, b + column * p->b_column);
    }
  }
  return out;
}

void edge_batch_matmul_8(const edge_batch_matmul_t *p, const int8_t *a, const int8_t *b,
                         int8_t *out) {
  const edge_batch_matmul_t local = *p;
  for (uint32_t i = 0; i < local.extent[0]; i++) {
    for (uint32_t j = 0; j < local.extent[1]; j++) {
      for (uint32_t k = 0; k < local.extent[2]; k++) {
        const uint32_t x = i * local.a_batch[0] + j * local.a_batch[1] + k * local.a_batch[2];
        const uint32_t y = i * local.b_batch[0] + j * local.b_batch[1] + k * local.b_batch[2];
        out = matrix(&local, a + x, b + y, out);
      }
    }
  }
}
