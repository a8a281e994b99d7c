/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_requantize.h"
#include "edge_wide.h"

static void add(const void *p, const void *a, const void *b, void *out) {
  const edge_wide_add_t *local = p;
  const int32_t scaled_a = *(const int16_t *)a * (local->a_sign * (1 << 14));
  const int32_t shifted_b = *(const int16_t *)b * (1 << 15);
  const int32_t scaled_b = edge_requantize(shifted_b, local->b_multiplier, local->b_shift);
  const int32_t sum = scaled_a + scaled_b * local->b_sign;
  const int32_t value = edge_requantize(sum, local->multiplier, local->shift);
  *(int16_t *)out = (int16_t)edge_clamp(value, local->low, local->high);
}

void edge_wide_add(const edge_wide_add_t *p, const int16_t *a, const int16_t *b, int16_t *out) {
  const edge_wide_add_t local = *p;
  edge_broadcast(&local.shape, 2, 2, add, &local, a, b, out);
}
