/* SPDX-License-Identifier: Apache-2.0 */
/* The loops of ops that combine all items along some axes. */
#ifndef EDGE_REDUCTION_H
#define EDGE_REDUCTION_H

#include <stdint.h>

#include "edge_kernels.h"

/* Items from one item of each axis to the next. */
typedef struct {
  uint32_t kept[4], reduced[3];
} edge_axis_strides_t;

static inline edge_axis_strides_t edge_find_axis_strides(const edge_axes_t *axes) {
  edge_axis_strides_t found;
  uint32_t size = 1;
  for (uint32_t axis = 3; axis-- > 0;) {
    found.kept[axis + 1] = size;
    size *= axes->kept[axis + 1];
    found.reduced[axis] = size;
    size *= axes->reduced[axis];
  }
  found.kept[0] = size;
  return found;
}

/* Combines, beginning with `start`, all items that one item of the output depends on. */
static inline int32_t edge_combined(const edge_axes_t *axes, const edge_axis_strides_t *stride,
                                    const int8_t *in, int32_t start,
                                    int32_t (*combine)(int32_t so_far, int32_t item)) {
  const uint32_t last = axes->reduced[2];
  const uint32_t step = stride->reduced[2];
  int32_t so_far = start;
  for (uint32_t l = 0; l < axes->reduced[0]; l++) {
    for (uint32_t m = 0; m < axes->reduced[1]; m++) {
      const int8_t *line = in + l * stride->reduced[0] + m * stride->reduced[1];
      for (uint32_t n = 0; n < last; n++) {
        so_far = combine(so_far, line[n * step]);
      }
    }
  }
  return so_far;
}

/* Computes all items of the output: finish(p, combined). Call it once per file, as edge_broadcast()
 * of edge_broadcast.h. */
static inline void edge_reduce(const edge_axes_t *axes, const void *p, int32_t start,
                               int32_t (*combine)(int32_t so_far, int32_t item),
                               int8_t (*finish)(const void *p, int32_t combined), const int8_t *in,
                               int8_t *out) {
  const edge_axes_t local = *axes;
  const edge_axis_strides_t stride = edge_find_axis_strides(&local);
  for (uint32_t h = 0; h < local.kept[0]; h++, in += stride.kept[0]) {
    for (uint32_t i = 0; i < local.kept[1]; i++) {
      for (uint32_t j = 0; j < local.kept[2]; j++) {
        const int8_t *line = in + i * stride.kept[1] + j * stride.kept[2];
        for (uint32_t k = 0; k < local.kept[3]; k++) {
          const int32_t combined = edge_combined(&local, &stride, line + k, start, combine);
          *out++ = finish(p, combined);
        }
      }
    }
  }
}

#endif
