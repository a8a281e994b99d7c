/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_wide.h"

/* The table between entries, with as many more fractional bits as a step has; `most` beyond it. */
static int32_t looked_up(const uint16_t *table, uint32_t x, uint32_t bits, int32_t most) {
  const uint32_t step = x >> bits;
  if (step >= 255) {
    return most;
  }
  const uint32_t rest = x & ((UINT32_C(1) << bits) - 1);
  const uint32_t slope = (uint32_t)table[step + 1] - table[step];
  return (int32_t)(((uint32_t)table[step] << bits) + rest * slope);
}

static int32_t scaled(edge_wide_logistic_t p, int32_t x) {
  const int32_t half = p.shift ? INT32_C(1) << (p.shift - 1) : 0;
  return (x * p.multiplier + half) >> p.shift;
}

void edge_wide_logistic(const edge_wide_logistic_t *p, const int16_t *in, int16_t *out) {
  const edge_wide_logistic_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    const int32_t x = scaled(local, in[i]);
    const int32_t size = looked_up(local.table, (uint32_t)(x < 0 ? -x : x), 9, 0x7FFF * (1 << 10));
    const int32_t value = x >= 0 ? size + (1 << 9) : (1 << 25) - size + (1 << 9) - 1;
    out[i] = (int16_t)(value >> 10);
  }
}

void edge_wide_tanh(const edge_wide_logistic_t *p, const int16_t *in, int16_t *out) {
  const edge_wide_logistic_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    const int32_t x = scaled(local, in[i]);
    const int32_t size = looked_up(local.table, (uint32_t)(x < 0 ? -x : x), 8, 0xFFFF * (1 << 8));
    const int32_t value = x >= 0 ? size - (1 << 23) + (1 << 7) : (1 << 23) - size + (1 << 7) - 1;
    out[i] = (int16_t)(value >> 8);
  }
}
