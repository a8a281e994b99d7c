/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_kernels.h"

void edge_take(const edge_take_t *p, const int8_t *in, int8_t *out) {
  const edge_take_t local = *p;
  for (uint32_t n = 0; n < local.batches; n++, in += local.in_plane) {
    for (uint32_t y = 0; y < local.out_height; y++) {
      const int8_t *row = in + local.rows[y] * local.in_row;
      for (uint32_t x = 0; x < local.out_width; x++, out += local.run) {
        memcpy(out, row + local.columns[x] * local.run, local.run);
      }
    }
  }
}
