/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_reduction.h"

/* Bytes from one item of each axis to the next. */
typedef struct {
  uint32_t kept[4], reduced[3];
} strides_t;

static strides_t find_strides(const edge_axes_t *axes, uint32_t item) {
  strides_t found;
  uint32_t size = item;
  for (uint32_t axis = 3; axis-- > 0;) {
    found.kept[axis + 1] = size;
    size *= axes->kept[axis + 1];
    found.reduced[axis] = size;
    size *= axes->reduced[axis];
  }
  found.kept[0] = size;
  return found;
}

static int32_t combined(const edge_axes_t *axes, const strides_t *stride,
                        const edge_reduction_t *how, const uint8_t *in) {
  int32_t so_far = how->start;
  for (uint32_t l = 0; l < axes->reduced[0]; l++, in += stride->reduced[0]) {
    const uint8_t *line = in;
    for (uint32_t m = 0; m < axes->reduced[1]; m++, line += stride->reduced[1]) {
      so_far = how->line(so_far, line, stride->reduced[2] / how->item, axes->reduced[2]);
    }
  }
  return so_far;
}

void edge_reduce(const edge_axes_t *axes, const edge_reduction_t *how, const void *p,
                 const void *in, void *out) {
  const strides_t stride = find_strides(axes, how->item);
  const uint8_t *from = in;
  uint8_t *to = out;
  const uint32_t lines = axes->reduced[0] * axes->reduced[1];
  const uint32_t step = stride.reduced[2] / how->item;
  const uint32_t count = axes->reduced[2];
  for (uint32_t h = 0; h < axes->kept[0]; h++, from += stride.kept[0]) {
    for (uint32_t i = 0; i < axes->kept[1]; i++) {
      for (uint32_t j = 0; j < axes->kept[2]; j++) {
        const uint8_t *first = from + i * stride.kept[1] + j * stride.kept[2];
        for (uint32_t k = 0; k < axes->kept[3]; k++, first += how->item, to += how->item) {
          const int32_t total = lines > 1 ? combined(axes, &stride, how, first)
                                          : how->line(how->start, first, step, count);
          how->finish(p, total, to);
        }
      }
    }
  }
}
