/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_ends.h"

/* More steps than any type has; smaller numbers have exact fractions. */
#define FAR 131072.0f

static int32_t nearest(float value) {
  if (!(value > -FAR)) {
    return -(int32_t)FAR; /* also NaN */
  }
  if (value > FAR) {
    return (int32_t)FAR;
  }
  const int32_t whole = (int32_t)value;
  const float rest = value - (float)whole;
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

static int32_t quantized(const edge_quantize_t *p, float value, int32_t low, int32_t high) {
  const int32_t q = nearest(value / p->scale) + p->zero_point;
  return q < low ? low : q > high ? high : q;
}

void edge_quantize_8(const edge_quantize_t *p, const float *in, int8_t *out) {
  for (uint32_t i = 0; i < p->size; i++) {
    out[i] = (int8_t)quantized(p, in[i], INT8_MIN, INT8_MAX);
  }
}

void edge_quantize_16(const edge_quantize_t *p, const float *in, int16_t *out) {
  for (uint32_t i = 0; i < p->size; i++) {
    out[i] = (int16_t)quantized(p, in[i], INT16_MIN, INT16_MAX);
  }
}
