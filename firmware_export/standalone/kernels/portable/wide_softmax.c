/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_fraction.h"
#include "edge_requantize.h"
#include "edge_wide.h"

/* Between the entries of a table of 513. */
static int32_t looked_up(const int16_t *table, int32_t x) {
  const int16_t *entry = table + 256 + (x >> 7);
  return entry[0] + (((entry[1] - entry[0]) * (x & 0x7F) + 64) >> 7);
}

void edge_wide_softmax(const edge_wide_softmax_t *p, const int16_t *in, int16_t *out) {
  const edge_wide_softmax_t local = *p;
  for (uint32_t row = 0; row < local.rows; row++, in += local.depth, out += local.depth) {
    int32_t most = INT16_MIN;
    for (uint32_t i = 0; i < local.depth; i++) {
      most = in[i] > most ? in[i] : most;
    }
    int32_t sum = 0; /* 15 fractional bits */
    for (uint32_t i = 0; i < local.depth; i++) {
      const int32_t scaled = edge_rescale_any(in[i] - most, local.multiplier, local.shift);
      const int32_t place = scaled < -65535 ? -32768 : scaled + 32767;
      out[i] = (int16_t)looked_up(local.exps, place);
      sum += out[i];
    }
    const int32_t zeros = edge_leading_zeros((uint32_t)sum);
    const int32_t mantissa = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14);
    const int32_t place = edge_clamp(mantissa - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX);
    const int32_t reciprocal = looked_up(local.reciprocals, place);
    const int32_t shift = 31 - zeros;
    for (uint32_t i = 0; i < local.depth; i++) {
      const int32_t share = (out[i] * reciprocal + (INT32_C(1) << (shift - 1))) >> shift;
      out[i] = (int16_t)edge_clamp(share, 0, INT16_MAX);
    }
  }
}
