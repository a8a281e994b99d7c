/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* One pixel: four channels at a time. */
static void one_pixel(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const uint32_t channels = p->channels;
  const int32_t zero_point = p->zero_point;
  uint32_t c = 0;
  for (; c + 4 <= channels; c += 4) {
    const int32_t *bias = p->bias + c;
    int32_t sum0 = bias[0];
    int32_t sum1 = bias[1];
    int32_t sum2 = bias[2];
    int32_t sum3 = bias[3];
    const int8_t *w = p->weights + c;
    const int8_t *const *row = rows;
    for (uint32_t left = p->taps; left > 0; left--, w += channels) {
      const uint32_t x = edge_load_word(*row++ + c);
      const uint32_t weights = edge_load_word(w);
      const uint32_t x_even = edge_even_bytes(x);
      const uint32_t x_odd = edge_odd_bytes(x);
      const uint32_t w_even = edge_even_bytes(weights);
      const uint32_t w_odd = edge_odd_bytes(weights);
      sum0 = edge_smlabb(x_even, w_even, sum0);
      sum1 = edge_smlabb(x_odd, w_odd, sum1);
      sum2 = edge_smlatt(x_even, w_even, sum2);
      sum3 = edge_smlatt(x_odd, w_odd, sum3);
    }
    const int32_t *m = p->multiplier + c;
    const int8_t *s = p->shift + c;
    out[c] = (int8_t)edge_scaled(sum0 * 2, edge_scale(m[0], s[0], zero_point));
    out[c + 1] = (int8_t)edge_scaled(sum1 * 2, edge_scale(m[1], s[1], zero_point));
    out[c + 2] = (int8_t)edge_scaled(sum2 * 2, edge_scale(m[2], s[2], zero_point));
    out[c + 3] = (int8_t)edge_scaled(sum3 * 2, edge_scale(m[3], s[3], zero_point));
  }
  for (; c < channels; c++) {
    int32_t sum = p->bias[c];
    for (uint32_t k = 0; k < p->taps; k++) {
      sum += rows[k][c] * p->weights[k * channels + c];
    }
    const edge_scale_t scale = edge_scale(p->multiplier[c], p->shift[c], zero_point);
    out[c] = (int8_t)edge_scaled(sum * 2, scale);
  }
}

static void many_pixels(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const edge_taps_t taps = {
      .rows = rows,
      .weights = p->weights,
      .window = p->weights,
      .bias = p->bias,
      .multiplier = p->multiplier,
      .shift = p->shift,
      .out = out,
      .row_count = p->taps,
      .columns = 1,
      .weights_row = p->channels,
      .column_step = 0,
      .window_size = p->taps,
      .channels = p->channels,
      .pixels = p->width,
      .in_step = p->channels,
      .in_zero_point = 0,
      .zero_point = p->zero_point,
  };
  edge_dsp_window_sum(&taps);
}

void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  if (p->width == 1) {
    one_pixel(p, rows, out);
  } else {
    many_pixels(p, rows, out);
  }
  edge_dsp_look_up(p->table, p->low, p->high, out, (uint32_t)p->width * p->channels);
}
