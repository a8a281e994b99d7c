/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of pixels with the same taps inside the image are handled like edge_row_sum; the rest output
 * by output. */
#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_mve_taps.h"
#include "edge_requantize.h"

typedef edge_convolution_t params_t;

/* One output, from any window: four columns at a time. */
static int8_t one_output(const params_t *p, const int8_t *in, int32_t y, int32_t x, uint32_t o) {
  const uint32_t channels = p->out_channels;
  const int8_t *from = in + o;
  const int8_t *weights = p->weights + o;
  const uint32x4_t lanes = vidupq_n_u32(0, 1);
  int32_t sum = p->bias[o];
  for (int32_t ky = 0; ky < p->kernel_height; ky++, y += p->dilation_y) {
    const int inside = y >= 0 && y < p->in_height;
    const int8_t *row = from + (inside ? (uint32_t)y * p->in_row : 0);
    for (uint32_t kx = 0; kx < p->kernel_width; kx += 4) {
      const uint32x4_t taps = vaddq_n_u32(lanes, kx);
      const mve_pred16_t in_window = vctp32q(p->kernel_width - kx);
      const int32x4_t w =
          vldrbq_gather_offset_z_s32(weights, vmulq_n_u32(taps, channels), in_window);
      /* Columns before the first one wrap to very large ones. */
      const uint32x4_t column = vaddq_n_u32(vmulq_n_u32(taps, p->dilation_x), (uint32_t)x);
      const mve_pred16_t in_row =
          inside ? vcmphiq_m_u32(vdupq_n_u32(p->in_width), column, in_window) : 0;
      const int32x4_t pixels =
          vldrbq_gather_offset_z_s32(row, vmulq_n_u32(column, p->in_channels), in_row);
      const int32x4_t padding = vdupq_n_s32(p->in_zero_point);
      sum = vmladavaq_s32(sum, vpselq_s32(pixels, padding, in_row), w);
    }
    weights += p->kernel_width * channels;
  }
  const int32_t value = edge_requantize(sum, p->multiplier[o], p->shift[o]) + p->zero_point;
  return (int8_t)edge_clamp(value, -128, 127);
}

/* A tap with zero weights in all channels, as in dilated windows that are written out. */
static int is_none(const int8_t *weights, uint32_t channels) {
  for (int32_t left = (int32_t)channels; left > 0; left -= 16, weights += 16) {
    const mve_pred16_t lanes = vctp8q((uint32_t)left);
    if (vcmpneq_m_n_s8(vldrbq_z_s8(weights, lanes), 0, lanes)) {
      return 0;
    }
  }
  return 1;
}

/* One row of the image from output `x` on: finds the taps that are inside the image there, computes
 * all outputs with the same taps and returns their number. */
static uint32_t stretch_of_row(const params_t *p, const int8_t *in, int32_t y, uint32_t x,
                               int8_t *out) {
  const int32_t stride = p->stride_x;
  const uint32_t channels = p->out_channels;
  edge_mve_tap_t taps[EDGE_MVE_TAPS]; /* those in the padding are at the end */
  uint32_t count = 0;
  uint32_t outside = EDGE_MVE_TAPS;
  int32_t pixels = (int32_t)(p->out_width - x);
  const int8_t *weights = p->weights;
  for (int32_t ky = 0; ky < p->kernel_height; ky++, y += p->dilation_y) {
    int32_t column = (int32_t)x * stride - p->pad_left;
    for (int32_t kx = 0; kx < p->kernel_width; kx++, column += p->dilation_x) {
      const int row_inside = y >= 0 && y < p->in_height;
      const int inside = row_inside && column >= 0 && column < p->in_width;
      if (!is_none(weights, channels)) {
        edge_mve_tap_t *tap = taps + (inside ? count++ : --outside);
        tap->weights = weights;
        tap->from = in + y * (int32_t)p->in_row + column * (int32_t)channels;
        /* Pixels until the tap enters or leaves the image. */
        const int32_t left = column < 0 ? -column : p->in_width - column;
        if (row_inside && left > 0) {
          pixels = edge_clamp((left + stride - 1) / stride, 1, pixels);
        }
      }
      weights += channels;
    }
  }
  const edge_mve_stretch_t stretch = {
      .taps = taps,
      .outside = taps + outside,
      .count = count,
      .outside_count = EDGE_MVE_TAPS - outside,
      .bias = p->bias,
      .multiplier = p->multiplier,
      .shift = p->shift,
      .channels = channels,
      .pixels = (uint32_t)pixels,
      .in_step = (uint32_t)stride * channels,
      .out_step = channels,
      .padding = p->in_zero_point,
      .zero_point = p->zero_point,
  };
  edge_mve_sum_taps(&stretch, out);
  return stretch.pixels;
}

void edge_depthwise(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch) {
  (void)scratch;
  const params_t local = *p;
  const uint32_t channels = local.out_channels;
  const uint32_t width = local.out_width;
  const uint32_t window = (uint32_t)local.kernel_height * local.kernel_width;
  const int is_fast = window <= EDGE_MVE_TAPS &&
                      (width * local.stride_x + 1) * channels <= UINT16_MAX &&
                      edge_mve_pairs_fit(local.weights, window * channels);
  for (uint32_t n = 0; n < local.batches; n++, in += local.in_height * local.in_row) {
    int32_t y = -(int32_t)local.pad_top;
    for (uint32_t oy = 0; oy < local.out_height; oy++, y += local.stride_y) {
      for (uint32_t x = 0; x < width;) {
        int8_t *pixel = out + x * channels;
        if (is_fast) {
          x += stretch_of_row(&local, in, y, x, pixel);
          continue;
        }
        for (uint32_t o = 0; o < channels; o++) {
          const int32_t column = (int32_t)(x * local.stride_x) - local.pad_left;
          pixel[o] = one_output(&local, in, y, column, o);
        }
        x++;
      }
      edge_mve_finish(out, width * channels, local.low, local.high, local.table);
      out += local.out_row;
    }
  }
}
