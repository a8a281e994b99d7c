/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_pairs.h"
#include "edge_requantize.h"

static void sloped(const void *p, const void *x, const void *slope, void *out) {
  const edge_prelu_t *local = p;
  const int32_t value = *(const int8_t *)x - local->x_zero_point;
  const int32_t by = *(const int8_t *)slope - local->slope_zero_point;
  const int32_t scaled =
      value >= 0 ? edge_rescale(value, local->multiplier, local->shift)
                 : edge_rescale(value * by, local->slope_multiplier, local->slope_shift);
  *(int8_t *)out = (int8_t)edge_clamp(scaled + local->zero_point, -128, 127);
}

void edge_prelu(const edge_prelu_t *p, const int8_t *x, const int8_t *slope, int8_t *out) {
  const edge_prelu_t local = *p;
  edge_broadcast(&local.shape, 1, 1, sloped, &local, x, slope, out);
}
