/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_reduction.h"
#include "edge_requantize.h"

static int32_t sum(int32_t so_far, int32_t item) { return so_far + item; }

static int8_t scaled(const void *p, int32_t sum) {
  const edge_mean_t *local = p;
  const int32_t value = edge_rescale(sum, local->multiplier, local->shift);
  return (int8_t)edge_clamp(value + local->zero_point, -128, 127);
}

void edge_mean(const edge_mean_t *p, const int8_t *in, int8_t *out) {
  const edge_mean_t local = *p;
  edge_reduce(&local.axes, &local, local.offset, sum, scaled, in, out);
}
