/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_ends.h"

static int32_t item(const void *in, uint8_t bytes, uint32_t i) {
  if (bytes == 1) {
    return ((const int8_t *)in)[i];
  }
  return bytes == 2 ? ((const int16_t *)in)[i] : ((const int32_t *)in)[i];
}

void edge_cast(const edge_cast_t *p, const void *in, void *out) {
  const edge_cast_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    const int32_t value = item(in, local.in_bytes, i);
    if (local.to_float) {
      ((float *)out)[i] = (float)value;
    } else if (local.out_bytes == 1) {
      ((int8_t *)out)[i] = (int8_t)value;
    } else if (local.out_bytes == 2) {
      ((int16_t *)out)[i] = (int16_t)value;
    } else {
      ((int32_t *)out)[i] = value;
    }
  }
}
