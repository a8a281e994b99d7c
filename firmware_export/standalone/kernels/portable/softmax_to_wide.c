/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_requantize.h"
#include "edge_softmax_row.h"
#include "edge_wide.h"

void edge_softmax_to_wide(const edge_softmax_t *p, const int8_t *in, int16_t *out) {
  const uint32_t depth = p->depth;
  for (uint32_t n = 0; n < p->rows; n++, in += depth, out += depth) {
    const edge_softmax_row_t row = edge_find_softmax_row(p, in, 16);
    for (uint32_t i = 0; i < depth; i++) {
      const int32_t share = (int32_t)edge_softmax_share(p, row, in[i]);
      out[i] = (int16_t)edge_clamp(share - 32768, INT16_MIN, INT16_MAX);
    }
  }
}
