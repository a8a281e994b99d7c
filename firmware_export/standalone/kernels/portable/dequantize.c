/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_ends.h"

void edge_dequantize_8(const edge_dequantize_t *p, const int8_t *in, float *out) {
  for (uint32_t i = 0; i < p->size; i++) {
    out[i] = p->scale * (float)(in[i] - p->zero_point);
  }
}

void edge_dequantize_u8(const edge_dequantize_t *p, const uint8_t *in, float *out) {
  for (uint32_t i = 0; i < p->size; i++) {
    out[i] = p->scale * (float)(in[i] - p->zero_point);
  }
}

void edge_dequantize_16(const edge_dequantize_t *p, const int16_t *in, float *out) {
  for (uint32_t i = 0; i < p->size; i++) {
    out[i] = p->scale * (float)(in[i] - p->zero_point);
  }
}
