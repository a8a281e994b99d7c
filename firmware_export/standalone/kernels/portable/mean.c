/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_reduction.h"
#include "edge_requantize.h"

static int32_t sum(int32_t so_far, const int8_t *in, uint32_t step, uint32_t count) {
  for (uint32_t i = 0; i < count; i++, in += step) {
    so_far += *in;
  }
  return so_far;
}

static int8_t scaled(const void *p, int32_t total) {
  const edge_mean_t *local = p;
  const int32_t value = edge_rescale(total, local->multiplier, local->shift);
  return (int8_t)edge_clamp(value + local->zero_point, -128, 127);
}

void edge_mean(const edge_mean_t *p, const int8_t *in, int8_t *out) {
  const edge_reduction_t how = {p->offset, sum, scaled};
  edge_reduce(&p->axes, &how, p, in, out);
}
