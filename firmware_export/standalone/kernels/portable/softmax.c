/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

/* (a * b + 2^30) >> 31: a product of two numbers with 31 fractional bits. */
static inline int32_t product(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* 1 / (1 + x) for 0 <= x < 1, 31 fractional bits, by Newton's method. */
static int32_t one_over_one_plus(int32_t x) {
  const int32_t half = (int32_t)(((uint32_t)x + (UINT32_C(1) << 31)) >> 1); /* (1 + x) / 2 */
  /* An approximation of 2 / (1 + x) with 29 fractional bits: 48/17 - 32/17 * half to begin. */
  int32_t y = INT32_C(1515870810) + product(half, -INT32_C(1010580540));
  for (int i = 0; i < 3; i++) {
    const int32_t error = (INT32_C(1) << 29) - product(half, y);
    y += product(y, error) * 4;
  }
  return y > (INT32_MAX >> 1) ? INT32_MAX : y * 2;
}

void edge_softmax(const edge_softmax_t *p, const int8_t *in, int8_t *out) {
  const uint32_t depth = p->depth;
  for (uint32_t row = 0; row < p->rows; row++, in += depth, out += depth) {
    int32_t most = -128;
    for (uint32_t i = 0; i < depth; i++) {
      most = in[i] > most ? in[i] : most;
    }
    uint32_t sum = 0; /* 19 fractional bits; at least 1, from the largest itself */
    for (uint32_t i = 0; i < depth; i++) {
      const int32_t difference = most - in[i];
      if (difference < p->exps_size) {
        sum += ((uint32_t)p->exps[difference] + (1u << 11)) >> 12;
      }
    }
    int32_t shift = 35; /* 23, and one for each bit that the sum has before the point */
    while (!(sum >> 31)) {
      sum <<= 1;
      shift--;
    }
    const int32_t scale = one_over_one_plus((int32_t)(sum - (UINT32_C(1) << 31)));
    for (uint32_t i = 0; i < depth; i++) {
      const int32_t difference = most - in[i];
      uint32_t share = 0;
      if (difference < p->exps_size) {
        share = (uint32_t)product(scale, p->exps[difference]);
        /* A sum of 512 or more, from as many items: less than half a step remains. */
        share = shift < 32 ? (share + (UINT32_C(1) << (shift - 1))) >> shift : 0;
      }
      out[i] = (int8_t)edge_clamp((int32_t)share - 128, -128, 127);
    }
  }
}
