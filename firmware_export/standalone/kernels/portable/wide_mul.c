/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_requantize.h"
#include "edge_wide.h"

static void multiply(const void *p, const void *a, const void *b, void *out) {
  const edge_wide_mul_t *local = p;
  const int32_t product = *(const int16_t *)a * *(const int16_t *)b;
  const int32_t value = edge_rescale_any(product, local->multiplier, local->shift);
  *(int16_t *)out = (int16_t)edge_clamp(value, local->low, local->high);
}

void edge_wide_mul(const edge_wide_mul_t *p, const int16_t *a, const int16_t *b, int16_t *out) {
  const edge_wide_mul_t local = *p;
  edge_broadcast(&local.shape, 2, 2, multiply, &local, a, b, out);
}
