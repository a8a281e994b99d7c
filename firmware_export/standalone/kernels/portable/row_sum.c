/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"
#include "edge_taps.h"

/* Without a tile: there is one sum per channel. */
static void one_pixel(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const edge_row_sum_t local = *p;
  const uint32_t channels = local.channels;
  for (uint32_t c = 0; c < channels; c++) {
    const int8_t *weight = local.weights + c;
    int32_t sum = local.bias[c];
    for (uint32_t k = 0; k < local.taps; k++, weight += channels) {
      sum += rows[k][c] * *weight;
    }
    const int32_t scaled = edge_requantize(sum, local.multiplier[c], local.shift[c]);
    const int32_t value = edge_clamp(scaled + local.zero_point, local.low, local.high);
    out[c] = local.table ? local.table[value + 128] : (int8_t)value;
  }
}

/* One channel at a time: its parameters stay in registers for all pixels. */
void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const uint32_t channels = p->channels;
  if (p->width == 1) {
    one_pixel(p, rows, out);
    return;
  }
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
