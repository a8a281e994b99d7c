/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_reduction.h"
#include "edge_requantize.h"
#include "edge_wide.h"

static int32_t sum(int32_t so_far, const void *in, uint32_t step, uint32_t count) {
  const int16_t *item = in;
  for (uint32_t i = 0; i < count; i++, item += step) {
    so_far += *item;
  }
  return so_far;
}

static void scaled(const void *p, int32_t total, void *out) {
  const edge_mean_t *local = p;
  const int32_t value = edge_rescale(total, local->multiplier, local->shift);
  *(int16_t *)out = (int16_t)edge_clamp(value + local->zero_point, INT16_MIN, INT16_MAX);
}

void edge_wide_mean(const edge_mean_t *p, const int16_t *in, int16_t *out) {
  const edge_reduction_t how = {sizeof *in, p->offset, sum, scaled};
  edge_reduce(&p->axes, &how, p, in, out);
}
