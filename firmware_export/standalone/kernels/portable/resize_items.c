/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_requantize.h"
#include "edge_wide.h"

static int32_t item(const void *in, uint32_t bytes, uint32_t i) {
  return bytes == 1   ? ((const int8_t *)in)[i]
         : bytes == 2 ? ((const int16_t *)in)[i]
                      : ((const int32_t *)in)[i];
}

void edge_resize_items(const edge_resize_items_t *p, const void *in, void *out) {
  const edge_resize_items_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    const uint32_t x = (uint32_t)item(in, local.in_bytes, i) - (uint32_t)local.in_zero_point;
    const int32_t scaled = edge_rescale_any(edge_wrap(x), local.multiplier, local.shift);
    const int32_t moved = edge_wrap((uint32_t)scaled + (uint32_t)local.zero_point);
    const int32_t value = edge_clamp(moved, local.low, local.high);
    if (local.out_bytes == 1) {
      ((int8_t *)out)[i] = (int8_t)value;
    } else if (local.out_bytes == 2) {
      ((int16_t *)out)[i] = (int16_t)value;
    } else {
      ((int32_t *)out)[i] = value;
    }
  }
}
