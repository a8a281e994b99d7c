/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with 31 fractional bits, as TensorFlow Lite's reference kernels compute with them. */
#ifndef EDGE_FRACTION_H
#define EDGE_FRACTION_H

#include <stdint.h>

/* (a * b + 2^30) >> 31. */
static inline int32_t edge_fraction_product(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* 1 / (1 + x) for 0 <= x < 1, by Newton's method. */
static inline int32_t edge_one_over_one_plus(int32_t x) {
  const int32_t half = (int32_t)(((uint32_t)x + (UINT32_C(1) << 31)) >> 1); /* (1 + x) / 2 */
  /* An approximation of 2 / (1 + x) with 29 fractional bits: 48/17 - 32/17 * half to begin. */
  int32_t y = INT32_C(1515870810) + edge_fraction_product(half, -INT32_C(1010580540));
  for (int i = 0; i < 3; i++) {
    const int32_t error = (INT32_C(1) << 29) - edge_fraction_product(half, y);
    y += edge_fraction_product(y, error) * 4;
  }
  return y > (INT32_MAX >> 1) ? INT32_MAX : y * 2;
}

/* Zero bits before the first one of x > 0. */
static inline int32_t edge_leading_zeros(uint32_t x) {
  int32_t count = 0;
  while (!(x >> 31)) {
    x <<= 1;
    count++;
  }
  return count;
}

#endif
