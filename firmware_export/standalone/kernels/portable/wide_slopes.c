/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_requantize.h"
#include "edge_wide.h"

void edge_wide_slopes(const edge_wide_slopes_t *p, const int16_t *in, int16_t *out) {
  const edge_wide_slopes_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    const int32_t x = in[i];
    const int32_t value =
        x >= 0 ? edge_rescale_any(x, local.multiplier, local.shift)
               : edge_rescale_any(x, local.below_multiplier, local.below_shift) * local.below_sign;
    out[i] = (int16_t)edge_clamp(value, local.low, local.high);
  }
}
