/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_wide.h"

static void row(const void *p, const void *a, uint32_t a_step, const void *b, uint32_t b_step,
                void *out, uint32_t count) {
  const edge_wide_extremum_t local = *(const edge_wide_extremum_t *)p;
  const int16_t *x = a;
  const int16_t *y = b;
  int16_t *to = out;
  for (uint32_t n = 0; n < count; n++, x += a_step, y += b_step) {
    *to++ = (*x > *y) == (local.is_larger != 0) ? *x : *y;
  }
}

void edge_wide_extremum(const edge_wide_extremum_t *p, const int16_t *a, const int16_t *b,
                        int16_t *out) {
  edge_broadcast(&p->shape, 2, 2, row, p, a, b, out);
}
