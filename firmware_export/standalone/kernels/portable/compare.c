/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_pairs.h"
#include "edge_requantize.h"

static void compare(const void *p, const void *a, const void *b, void *out) {
  const edge_compare_t *local = p;
  const int32_t x = (*(const int8_t *)a - local->a_zero_point) * (1 << 8);
  const int32_t y = (*(const int8_t *)b - local->b_zero_point) * (1 << 8);
  const int32_t left = edge_rescale(x, local->a_multiplier, local->a_shift);
  const int32_t right = edge_rescale(y, local->b_multiplier, local->b_shift);
  const int32_t order = left < right ? 1 : left == right ? 2 : 4;
  *(int8_t *)out = (int8_t)((local->accepted & order) != 0);
}

void edge_compare(const edge_compare_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
  const edge_compare_t local = *p;
  edge_broadcast(&local.shape, 1, 1, compare, &local, a, b, out);
}
