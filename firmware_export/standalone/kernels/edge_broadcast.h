/* SPDX-License-Identifier: Apache-2.0 */
/* The loops of ops on two inputs that repeat along some axes. */
#ifndef EDGE_BROADCAST_H
#define EDGE_BROADCAST_H

#include <stdint.h>

#include "edge_kernels.h"

/* Computes one item. `p` is the caller's; a, b and out have the caller's types. */
typedef void (*edge_pair_t)(const void *p, const void *a, const void *b, void *out);

/* Bytes from one item of each axis to the next; 0 along repeated axes. */
static inline void edge_find_strides(const edge_broadcast_t *shape, uint32_t repeats, uint32_t item,
                                     uint32_t *stride) {
  uint32_t size = item;
  for (uint32_t axis = 4; axis-- > 0;) {
    const uint32_t repeated = repeats >> axis & 1;
    stride[axis] = repeated ? 0 : size;
    size *= repeated ? 1 : shape->extent[axis];
  }
}

/* Computes all items; in_item and out_item are their bytes. Call it once per file: then the
 * compiler makes `pair` a part of the loop. */
static inline void edge_broadcast(const edge_broadcast_t *shape, uint32_t in_item,
                                  uint32_t out_item, edge_pair_t pair, const void *p, const void *a,
                                  const void *b, void *out) {
  const edge_broadcast_t local = *shape;
  uint32_t a_stride[4];
  uint32_t b_stride[4];
  edge_find_strides(&local, local.a_repeats, in_item, a_stride);
  edge_find_strides(&local, local.b_repeats, in_item, b_stride);
  const uint32_t a_step = a_stride[3];
  const uint32_t b_step = b_stride[3];
  uint8_t *to = out;

  for (uint32_t i = 0; i < local.extent[0]; i++) {
    for (uint32_t j = 0; j < local.extent[1]; j++) {
      for (uint32_t k = 0; k < local.extent[2]; k++) {
        const uint8_t *x = a;
        const uint8_t *y = b;
        x += i * a_stride[0] + j * a_stride[1] + k * a_stride[2];
        y += i * b_stride[0] + j * b_stride[1] + k * b_stride[2];
        for (uint32_t n = 0; n < local.extent[3]; n++) {
          pair(p, x, y, to);
          x += a_step;
          y += b_step;
          to += out_item;
        }
      }
    }
  }
}

#endif
