/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_SVDF_STEPS_H
#define EDGE_SVDF_STEPS_H

#include "edge_recurrent.h"
#include "edge_requantize.h"

/* The new feature of a filter, scaled, without the state's zero point. */
static inline int32_t edge_svdf_feature(const edge_svdf_t *p, const int8_t *in, uint32_t filter) {
  const int8_t *w = p->weights + filter * p->inputs;
  uint32_t sum = 0;
  for (uint32_t i = 0; i < p->inputs; i++) {
    sum += (uint32_t)(w[i] * (in[i] - p->in_zero_point));
  }
  return edge_rescale_any(edge_wrap(sum), p->feature_multiplier, p->feature_shift);
}

static inline int8_t edge_svdf_output(const edge_svdf_t *p, uint32_t unit, uint32_t sum) {
  const int32_t total = edge_wrap(sum + (uint32_t)p->bias[unit]);
  const int32_t scaled = edge_rescale_any(total, p->multiplier, p->shift);
  const int32_t moved = edge_wrap((uint32_t)scaled + (uint32_t)(int32_t)p->zero_point);
  return (int8_t)edge_clamp(moved, -128, 127);
}

#endif
