/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_broadcast.h"
#include "edge_pairs.h"

static void extremum(const void *p, const void *a, const void *b, void *out) {
  const edge_extremum_t *local = p;
  const int8_t x = *(const int8_t *)a;
  const int8_t y = *(const int8_t *)b;
  *(int8_t *)out = (x > y) == (local->is_larger != 0) ? x : y;
}

void edge_extremum(const edge_extremum_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
  const edge_extremum_t local = *p;
  edge_broadcast(&local.shape, 1, 1, extremum, &local, a, b, out);
}
