/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_reduction.h"

static int32_t minimum(int32_t so_far, const void *in, uint32_t step, uint32_t count) {
  const int8_t *item = in;
  for (uint32_t i = 0; i < count; i++, item += step) {
    so_far = *item < so_far ? *item : so_far;
  }
  return so_far;
}

static void same(const void *p, int32_t combined, void *out) {
  (void)p;
  *(int8_t *)out = (int8_t)combined;
}

void edge_minimum(const edge_axes_t *p, const int8_t *in, int8_t *out) {
  const edge_reduction_t how = {1, 127, minimum, same};
  edge_reduce(p, &how, p, in, out);
}
