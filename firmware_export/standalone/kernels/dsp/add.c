/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* All sums are doubled, and zero points are folded into their initial values:
 *
 *     2 * scaled a = a * 2^20 - a_zero_point * 2^20, with a's sign
 *     2 * (b - b_zero_point) * 2^20 = b * 2^21 - b_zero_point * 2^21
 */
void edge_add(const edge_add_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
  const edge_add_t local = *p;
  uint32_t i = 0;
  /* With larger shifts, which are rare, the zero point cannot be folded into the rounding. */
  if (local.shift <= 22) {
    const int32_t a_factor = local.a_sign * (1 << 20);
    const int32_t a_begin = -local.a_zero_point * a_factor;
    const int32_t b_begin = -local.b_zero_point * (1 << 21);
    const int32_t b_factor = local.b_sign * 2;
    const int32_t b_rounding = 1 << (local.b_shift - 1);
    const edge_scale_t scale = edge_scale(local.multiplier, local.shift, local.zero_point);
    for (; i < local.size; i++) {
      const int32_t twice_b = b[i] * (1 << 21) + b_begin;
      int32_t scaled_b = edge_smmlar(twice_b, local.b_multiplier, b_rounding);
      scaled_b = (scaled_b + (twice_b >> 31)) >> local.b_shift;
      const int32_t sum = a[i] * a_factor + a_begin + scaled_b * b_factor;
      out[i] = (int8_t)edge_scaled(sum, scale);
    }
  }
  for (; i < local.size; i++) {
    out[i] = edge_sum(&local, a[i], b[i]);
  }
  edge_dsp_look_up(NULL, local.low, local.high, out, local.size);
}
