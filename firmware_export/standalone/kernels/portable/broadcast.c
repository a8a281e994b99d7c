/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"

/* Items from one item of each axis to the next; 0 along repeated axes. */
static void find_strides(const edge_broadcast_t *shape, uint32_t repeats, uint32_t *stride) {
  uint32_t size = 1;
  for (uint32_t axis = 4; axis-- > 0;) {
    const uint32_t repeated = repeats >> axis & 1;
    stride[axis] = repeated ? 0 : size;
    size *= repeated ? 1 : shape->extent[axis];
  }
}

void edge_broadcast(const edge_broadcast_t *shape, uint32_t in_item, uint32_t out_item,
                    edge_row_t row, const void *p, const void *a, const void *b, void *out) {
  uint32_t x[4];
  uint32_t y[4];
  find_strides(shape, shape->a_repeats, x);
  find_strides(shape, shape->b_repeats, y);
  const uint32_t count = shape->extent[3];
  const uint8_t *from_a = a;
  const uint8_t *from_b = b;
  uint8_t *to = out;
  for (uint32_t i = 0; i < shape->extent[0]; i++) {
    for (uint32_t j = 0; j < shape->extent[1]; j++) {
      for (uint32_t k = 0; k < shape->extent[2]; k++, to += count * out_item) {
        row(p, from_a + (i * x[0] + j * x[1] + k * x[2]) * in_item, x[3],
            from_b + (i * y[0] + j * y[1] + k * y[2]) * in_item, y[3], to, count);
      }
    }
  }
}
