/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_l2_normalization.h"

#include "edge_fraction.h"
#include "edge_requantize.h"

typedef struct {
  int32_t multiplier, shift;
} scale_t;

static int32_t product(int32_t a, int32_t b) { return edge_fraction_product(a, b); }

/* 1 / sqrt(n) for n > 1 as multiplier / 2^31 / 2^shift: Newton's method for 1 / sqrt(x), with
 * n = x * 4^pairs / 2 and 1/4 < x / 2 <= 1, in numbers with three integer bits; then times
 * sqrt(1/2). */
static scale_t inverse_root(int32_t n) {
  int32_t shift = 11;
  while (n >= INT32_C(1) << 29) {
    n /= 4;
    shift++;
  }
  const int32_t pairs = (edge_leading_zeros((uint32_t)n) - 1) / 2 - 1;
  shift -= pairs;
  const int32_t x = (n * (1 << 2 * pairs)) >> 1;
  const int32_t half_x = edge_divide_by_power(x, 1);
  int32_t y = INT32_C(1) << 28;
  for (int i = 0; i < 5; i++) {
    const int32_t cube = product(product(y, y), y) * 64;
    y = (product(y, (INT32_C(1) << 28) + (INT32_C(1) << 27)) - product(half_x, cube)) * 8;
  }
  scale_t found = {product(y, 1518500250), shift};
  if (shift < 0) {
    found.multiplier *= 1 << -shift;
    found.shift = 0;
  }
  return found;
}

void edge_l2_normalization(const edge_l2_normalization_t *p, const int8_t *in, int8_t *out) {
  const edge_l2_normalization_t local = *p;
  for (uint32_t row = 0; row < local.rows; row++, in += local.depth, out += local.depth) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < local.depth; i++) {
      const int32_t x = in[i] - local.in_zero_point;
      sum += x * x;
    }
    scale_t scale = {INT32_MAX, 0};
    if (sum > 1) {
      scale = inverse_root(sum);
    }
    for (uint32_t i = 0; i < local.depth; i++) {
      const int32_t x = in[i] - local.in_zero_point;
      const int32_t value = edge_rescale(x, scale.multiplier, scale.shift - 7);
      out[i] = (int8_t)edge_clamp(value, -128, 127);
    }
  }
}
