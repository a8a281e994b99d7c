/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"
#include "edge_softmax_row.h"

void edge_softmax(const edge_softmax_t *p, const int8_t *in, int8_t *out) {
  const uint32_t depth = p->depth;
  for (uint32_t n = 0; n < p->rows; n++, in += depth, out += depth) {
    const edge_softmax_row_t row = edge_find_softmax_row(p, in, 8);
    for (uint32_t i = 0; i < depth; i++) {
      const int32_t share = (int32_t)edge_softmax_share(p, row, in[i]);
      out[i] = (int8_t)edge_clamp(share - 128, -128, 127);
    }
  }
}
