/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_wide.h"

static void extremum(const void *p, const void *a, const void *b, void *out) {
  const edge_wide_extremum_t *local = p;
  const int16_t x = *(const int16_t *)a;
  const int16_t y = *(const int16_t *)b;
  *(int16_t *)out = (x > y) == (local->is_larger != 0) ? x : y;
}

void edge_wide_extremum(const edge_wide_extremum_t *p, const int16_t *a, const int16_t *b,
                        int16_t *out) {
  const edge_wide_extremum_t local = *p;
  edge_broadcast(&local.shape, 2, 2, extremum, &local, a, b, out);
}
