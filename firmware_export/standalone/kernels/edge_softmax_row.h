/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_SOFTMAX_ROW_H
#define EDGE_SOFTMAX_ROW_H

#include "edge_fraction.h"
#include "edge_kernels.h"

/* What the softmax of a row depends on: its largest item, and the scale and shift of shares. */
typedef struct {
  int32_t most, scale, shift;
} edge_softmax_row_t;

/* `bits` are the fractional bits of the output. */
static inline edge_softmax_row_t edge_find_softmax_row(const edge_softmax_t *p, const int8_t *in,
                                                       int32_t bits) {
  edge_softmax_row_t found = {-128, 0, 0};
  for (uint32_t i = 0; i < p->depth; i++) {
    found.most = in[i] > found.most ? in[i] : found.most;
  }
  uint32_t sum = 0; /* 19 fractional bits; at least 1, from the largest itself */
  for (uint32_t i = 0; i < p->depth; i++) {
    const int32_t difference = found.most - in[i];
    if (difference < p->exps_size) {
      sum += ((uint32_t)p->exps[difference] + (1u << 11)) >> 12;
    }
  }
  const int32_t zeros = edge_leading_zeros(sum);
  sum <<= zeros;
  found.shift = 43 - bits - zeros; /* one for each bit that the sum has before the point */
  found.scale = edge_one_over_one_plus((int32_t)(sum - (UINT32_C(1) << 31)));
  return found;
}

static inline uint32_t edge_softmax_share(const edge_softmax_t *p, edge_softmax_row_t row,
                                          int32_t item) {
  const int32_t difference = row.most - item;
  if (difference >= p->exps_size) {
    return 0;
  }
  const uint32_t share = (uint32_t)edge_fraction_product(row.scale, p->exps[difference]);
  /* A sum of 512 or more, from as many items: less than half a step remains. */
  return row.shift < 32 ? (share + (UINT32_C(1) << (row.shift - 1))) >> row.shift : 0;
}

#endif
