/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_reduction.h"

static int32_t minimum(int32_t so_far, int32_t item) { return item < so_far ? item : so_far; }

static int8_t same(const void *p, int32_t combined) {
  (void)p;
  return (int8_t)combined;
}

void edge_minimum(const edge_axes_t *p, const int8_t *in, int8_t *out) {
  edge_reduce(p, p, 127, minimum, same, in, out);
}
