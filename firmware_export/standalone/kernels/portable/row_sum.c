/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"
#include "edge_taps.h"

/* One channel at a time: its parameters stay in registers for all pixels. */
void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const uint32_t channels = p->channels;
  const uint32_t taps = p->taps;
  const uint32_t first = taps < 4 ? taps : 4;
  for (uint32_t c = 0; c < channels; c++) {
    const edge_output_t to =
        edge_output_of(p->multiplier[c], p->shift[c], p->zero_point, p->low, p->high, p->table);
    uint32_t at = c;
    uint32_t pixels;
    for (uint32_t left = p->width; left > 0; left -= pixels, at += pixels * channels) {
      const int8_t *four[4];
      for (uint32_t k = 0; k < 4; k++) {
        four[k] = rows[k < taps ? k : 0] + at;
      }
      int32_t sums[EDGE_TILE];
      pixels = left < EDGE_TILE ? left : EDGE_TILE;
      edge_four_taps(four, first, p->weights + c, channels, channels, p->bias[c], sums, pixels);
      for (uint32_t k = first; k < taps; k++) {
        edge_add_tap(rows[k] + at, p->weights[k * channels + c], channels, sums, pixels);
      }
      edge_outputs(to, sums, pixels, out + at, channels);
    }
  }
}
