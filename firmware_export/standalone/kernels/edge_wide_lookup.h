/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_WIDE_LOOKUP_H
#define EDGE_WIDE_LOOKUP_H

#include <stdint.h>

/* The table between entries, with as many more fractional bits as a step has; `most` beyond it. */
static inline int32_t edge_looked_up(const uint16_t *table, uint32_t x, uint32_t bits,
                                     int32_t most) {
  const uint32_t step = x >> bits;
  if (step >= 255) {
    return most;
  }
  const uint32_t rest = x & ((UINT32_C(1) << bits) - 1);
  const uint32_t slope = (uint32_t)table[step + 1] - table[step];
  return (int32_t)(((uint32_t)table[step] << bits) + rest * slope);
}

/* The logistic function and tanh of x in thirds of 2^-12, with 15 fractional bits. */
static inline int16_t edge_wide_logistic_of(const uint16_t *table, int32_t x) {
  const int32_t size = edge_looked_up(table, (uint32_t)(x < 0 ? -x : x), 9, 0x7FFF * (1 << 10));
  const int32_t value = x >= 0 ? size + (1 << 9) : (1 << 25) - size + (1 << 9) - 1;
  return (int16_t)(value >> 10);
}

static inline int16_t edge_wide_tanh_of(const uint16_t *table, int32_t x) {
  const int32_t size = edge_looked_up(table, (uint32_t)(x < 0 ? -x : x), 8, 0xFFFF * (1 << 8));
  const int32_t value = x >= 0 ? size - (1 << 23) + (1 << 7) : (1 << 23) - size + (1 << 7) - 1;
  return (int16_t)(value >> 8);
}

#endif
