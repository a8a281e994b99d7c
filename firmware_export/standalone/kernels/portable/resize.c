/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_kernels.h"

void edge_resize(const edge_resize_t *p, const int8_t *in, int8_t *out) {
  const uint32_t channels = p->channels;
  const uint32_t in_row = p->in_width * channels;
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * in_row) {
    for (uint32_t y = 0; y < p->out_height; y++) {
      const int8_t *row = in + p->rows[y] * in_row;
      for (uint32_t x = 0; x < p->out_width; x++, out += channels) {
        memcpy(out, row + p->columns[x] * channels, channels);
      }
    }
  }
}
