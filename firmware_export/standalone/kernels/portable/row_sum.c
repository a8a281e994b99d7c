/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"
#include "edge_taps.h"

/* The sums of some channels of one pixel, from channel `first` on. */
static EDGE_NOINLINE void sum_channels(const edge_row_sum_t *p, const int8_t *const *rows,
                                       uint32_t first, uint32_t count, int32_t *sums) {
  const uint32_t step = p->channels;
  const int8_t *const *const end = rows + p->taps;
  const int8_t *weights = p->weights + first;
  const int32_t *bias = p->bias + first;
  uint32_t c = 0;
#if !EDGE_FEW_REGISTERS
  /* Four at a time: where a row is, is read once for all. */
  for (; c + 4 <= count; c += 4) {
    const int8_t *w = weights + c;
    const uint32_t at = first + c;
    int32_t sum0 = bias[c];
    int32_t sum1 = bias[c + 1];
    int32_t sum2 = bias[c + 2];
    int32_t sum3 = bias[c + 3];
    for (const int8_t *const *row = rows; row != end; row++, w += step) {
      const int8_t *const x = *row + at;
      sum0 += x[0] * w[0];
      sum1 += x[1] * w[1];
      sum2 += x[2] * w[2];
      sum3 += x[3] * w[3];
    }
    sums[c] = sum0;
    sums[c + 1] = sum1;
    sums[c + 2] = sum2;
    sums[c + 3] = sum3;
  }
#endif
  for (; c < count; c++) {
    const int8_t *w = weights + c;
    int32_t sum = bias[c];
    for (const int8_t *const *row = rows; row != end; row++, w += step) {
      sum += (*row)[first + c] * *w;
    }
    sums[c] = sum;
  }
}

/* How far an output is above the lowest one; `zero` is the zero point's distance from that. */
static inline int32_t above_lowest(int32_t sum, int32_t multiplier, int32_t shift, int32_t zero,
                                   uint32_t range) {
  const int32_t above = edge_requantize(sum, multiplier, shift) + zero;
  if ((uint32_t)above <= range) {
    return above;
  }
  return above < 0 ? 0 : (int32_t)range;
}

/* Scales the sums of some channels, each of which has its own scale. */
static void scale_channels(const edge_row_sum_t *p, const int32_t *sums, uint32_t first,
                           uint32_t count, int8_t *restrict out) {
  const int32_t *multiplier = p->multiplier + first;
  const int8_t *shift = p->shift + first;
  const int32_t low = p->low;
  const int32_t zero = p->zero_point - low;
  const uint32_t range = (uint32_t)(p->high - low);
  const int32_t *const end = sums + count;
  if (p->table) {
    const int8_t *const table = p->table + (low + 128);
    for (; sums != end; sums++) {
      *out++ = table[above_lowest(*sums, *multiplier++, *shift++, zero, range)];
    }
    return;
  }
  for (; sums != end; sums++) {
    *out++ = (int8_t)(above_lowest(*sums, *multiplier++, *shift++, zero, range) + low);
  }
}

static void one_pixel(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  int32_t sums[EDGE_TILE];
  uint32_t count;
  for (uint32_t first = 0; first < p->channels; first += count) {
    const uint32_t left = p->channels - first;
    count = left < EDGE_TILE ? left : EDGE_TILE;
    sum_channels(p, rows, first, count, sums);
    scale_channels(p, sums, first, count, out + first);
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
      uint32_t k = first;
      for (; k + 2 <= taps; k += 2) {
        const int8_t *const two[2] = {rows[k] + at, rows[k + 1] + at};
        edge_add_two_taps(two, p->weights + k * channels + c, channels, sums, pixels);
      }
      if (k < taps) {
        edge_add_tap(rows[k] + at, p->weights[k * channels + c], channels, sums, pixels);
      }
      edge_outputs(to, sums, pixels, out + at, channels);
    }
  }
}
