/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_reduction.h"

static int32_t maximum(int32_t so_far, const int8_t *in, uint32_t step, uint32_t count) {
  for (uint32_t i = 0; i < count; i++, in += step) {
    so_far = *in > so_far ? *in : so_far;
  }
  return so_far;
}

static int8_t same(const void *p, int32_t combined) {
  (void)p;
  return (int8_t)combined;
}

void edge_maximum(const edge_axes_t *p, const int8_t *in, int8_t *out) {
  const edge_reduction_t how = {-128, maximum, same};
  edge_reduce(p, &how, p, in, out);
}
