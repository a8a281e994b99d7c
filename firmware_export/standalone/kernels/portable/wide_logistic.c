/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_wide.h"
#include "edge_wide_lookup.h"

static int32_t scaled(edge_wide_logistic_t p, int32_t x) {
  const int32_t half = p.shift ? INT32_C(1) << (p.shift - 1) : 0;
  return (x * p.multiplier + half) >> p.shift;
}

void edge_wide_logistic(const edge_wide_logistic_t *p, const int16_t *in, int16_t *out) {
  const edge_wide_logistic_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    out[i] = edge_wide_logistic_of(local.table, scaled(local, in[i]));
  }
}

void edge_wide_tanh(const edge_wide_logistic_t *p, const int16_t *in, int16_t *out) {
  const edge_wide_logistic_t local = *p;
  for (uint32_t i = 0; i < local.size; i++) {
    out[i] = edge_wide_tanh_of(local.table, scaled(local, in[i]));
  }
}
