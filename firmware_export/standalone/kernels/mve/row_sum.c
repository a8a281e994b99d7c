/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes are pixels, see edge_mve_taps.h; for a single pixel, channels. */
#include <stddef.h>

#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_mve_taps.h"
#include "edge_requantize.h"

/* For cases that the fast path does not handle. */
static void slow(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const uint32_t channels = p->channels;
  for (uint32_t i = 0, c = 0; i < p->width * channels; i++) {
    int32_t sum = p->bias[c];
    for (uint32_t k = 0; k < p->taps; k++) {
      sum += rows[k][i] * p->weights[k * channels + c];
    }
    const int32_t scaled = edge_requantize(sum, p->multiplier[c], p->shift[c]);
    const int32_t value = edge_clamp(scaled + p->zero_point, p->low, p->high);
    out[i] = p->table ? p->table[value + 128] : (int8_t)value;
    c = c + 1 < channels ? c + 1 : 0;
  }
}

/* One pixel: four channels at a time, in lanes of 32 bits. */
static void one_pixel(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const uint32_t channels = p->channels;
  const int32x4_t zero_point = vdupq_n_s32(p->zero_point);
  for (uint32_t c = 0; c < channels; c += 4) {
    const mve_pred16_t lanes = vctp32q(channels - c);
    int32x4_t sums = vldrwq_z_s32(p->bias + c, lanes);
    const int8_t *w = p->weights + c;
    const int8_t *const *row = rows;
    for (uint32_t left = p->taps; left > 0; left--, w += channels) {
      const int32x4_t x = vldrbq_z_s32(*row++ + c, lanes);
      sums = vaddq_s32(sums, vmulq_s32(x, vldrbq_z_s32(w, lanes)));
    }
    const int32x4_t multiplier = vldrwq_z_s32(p->multiplier + c, lanes);
    const int32x4_t shift = vnegq_s32(vldrbq_z_s32(p->shift + c, lanes));
    const int32x4_t high = vqrdmulhq_s32(sums, multiplier);
    const int32x4_t scaled = vrshlq_s32(vaddq_s32(high, vshrq_n_s32(sums, 31)), shift);
    vstrbq_p_s32(out + c, edge_mve_saturate(vaddq_s32(scaled, zero_point)), lanes);
  }
}

void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const uint32_t channels = p->channels;
  if (p->width == 1) {
    one_pixel(p, rows, out);
    edge_mve_finish(out, channels, p->low, p->high, p->table);
    return;
  }
  const uint32_t size = p->width * channels;
  if (p->taps > EDGE_MVE_TAPS || size > UINT16_MAX ||
      !edge_mve_pairs_fit(p->weights, p->taps * channels)) {
    slow(p, rows, out);
    return;
  }
  edge_mve_tap_t taps[EDGE_MVE_TAPS];
  for (uint32_t k = 0; k < p->taps; k++) {
    taps[k].from = rows[k];
    taps[k].weights = p->weights + k * channels;
  }
  const edge_mve_stretch_t stretch = {
      .taps = taps,
      .count = p->taps,
      .bias = p->bias,
      .multiplier = p->multiplier,
      .shift = p->shift,
      .channels = channels,
      .pixels = p->width,
      .in_step = channels,
      .out_step = channels,
      .zero_point = p->zero_point,
  };
  edge_mve_sum_taps(&stretch, out);
  edge_mve_finish(out, size, p->low, p->high, p->table);
}
