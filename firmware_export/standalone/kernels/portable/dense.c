/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

void edge_dense(const edge_dense_t *p, const int8_t *in, int8_t *out) {
  const uint32_t depth = p->in_channels;
  const int8_t *w = p->weights;
  for (uint32_t o = 0; o < p->out_channels; o++, w += depth) {
    const edge_output_t to = {p->multiplier[o], p->shift[o], p->zero_point,
                              p->low,           p->high,     p->table};
    int32_t sum = p->bias[o];
    for (uint32_t i = 0; i < depth; i++) {
      sum += in[i] * w[i];
    }
    out[o] = edge_output(to, sum);
  }
}
