/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* Windows are widened in groups of four; then a block of them is handled like pixels in
 * edge_pointwise. If all four are inside the input, their values are read through a table of
 * offsets; otherwise the windows are gathered first, one after the other. With several groups of
 * channels, a block is one window of one group, so that its outputs have no gaps. */

static int8_t *copy(int8_t *to, const int8_t *from, uint32_t size) {
  for (; size > 0; size--) {
    *to++ = *from++;
  }
  return to;
}

static int8_t *repeat(int8_t *to, int32_t value, uint32_t size) {
  for (; size > 0; size--) {
    *to++ = (int8_t)value;
  }
  return to;
}

/* Copies the inputs under one window, of one group's channels, without gaps. Returns their end.
 *
 * (y, x) is the start of the window, possibly in the padding; `in` is at the group's channels. */
static int8_t *gather(const edge_convolution_t *p, const int8_t *in, int32_t y, int32_t x,
                      int8_t *to) {
  const uint32_t channels = (uint32_t)(p->in_channels / p->groups);
  /* Adjacent columns of taps are one run; others are copied one by one. */
  const int32_t columns = p->dilation_x == 1 && p->groups == 1 ? p->kernel_width : 1;
  for (uint32_t ky = p->kernel_height; ky > 0; ky--, y += p->dilation_y) {
    const int8_t *row = in + y * (int32_t)p->in_row;
    const int row_inside = y >= 0 && y < p->in_height;
    int32_t column = x;
    for (int32_t kx = 0; kx < p->kernel_width; kx += columns, column += p->dilation_x) {
      const int32_t before = edge_clamp(-column, 0, columns);
      const int32_t inside = edge_clamp(p->in_width - column, 0, columns) - before;
      if (!row_inside || inside <= 0) {
        to = repeat(to, p->in_zero_point, (uint32_t)columns * channels);
        continue;
      }
      to = repeat(to, p->in_zero_point, (uint32_t)before * channels);
      to = copy(to, row + (column + before) * p->in_channels, (uint32_t)inside * channels);
      const uint32_t after = (uint32_t)(columns - before - inside);
      to = repeat(to, p->in_zero_point, after * channels);
    }
  }
  return to;
}

/* Offsets of a window's values from its start. Returns whether they fit. */
static int find_offsets(const edge_convolution_t *p, uint16_t *offsets) {
  const uint32_t row_step = p->dilation_y * p->in_row;
  const uint32_t column_step = (uint32_t)p->dilation_x * p->in_channels;
  if (p->groups > 1 || p->kernel_height * row_step > UINT16_MAX) {
    return 0;
  }
  for (uint32_t ky = 0; ky < p->kernel_height; ky++) {
    for (uint32_t kx = 0; kx < p->kernel_width; kx++) {
      for (uint32_t c = 0; c < p->in_channels; c++) {
        *offsets++ = (uint16_t)(ky * row_step + kx * column_step + c);
      }
    }
  }
  return 1;
}

/* Widens four windows, `step` bytes apart, like edge_dsp_widen(). Returns where the next go. */
static __attribute__((noinline)) uint32_t *widen_windows(const int8_t *x, const uint16_t *offsets,
                                                         uint32_t depth, uint32_t step,
                                                         uint32_t *to) {
  for (uint32_t left = depth / 4; left > 0; left--, offsets += 4) {
    const uint32_t at0 = offsets[0];
    const uint32_t at1 = offsets[1];
    const uint32_t at2 = offsets[2];
    const uint32_t at3 = offsets[3];
    const int8_t *window = x;
    for (uint32_t i = 0; i < EDGE_GROUP; i++, window += step, to += 2) {
      to[0] = edge_pair(window[at0], window[at2]);
      to[1] = edge_pair(window[at1], window[at3]);
    }
  }
  for (uint32_t left = depth % 4; left > 0; left--, to += 2) {
    const int8_t *value = x + *offsets++;
    to[0] = edge_pair(value[0], value[step]);
    to[1] = edge_pair(value[2 * step], value[3 * step]);
  }
  return to;
}

void edge_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch) {
  const uint32_t groups = p->groups;
  const uint32_t in_channels = p->in_channels / groups;
  const uint32_t out_channels = p->out_channels / groups;
  const uint32_t depth = (uint32_t)p->kernel_height * p->kernel_width * in_channels;
  const uint32_t most = groups == 1 ? edge_dsp_block_size(depth) : 1;
  const int32_t last_x = p->in_width - 1 - (p->kernel_width - 1) * p->dilation_x;
  const uint32_t step = (uint32_t)p->stride_x * p->in_channels;
  int8_t *windows = scratch;
  uint32_t *widened = scratch;
  widened += ((EDGE_GROUP + 2) * depth + 7) / 8 * 2;
  uint16_t *offsets = (uint16_t *)scratch + EDGE_GROUP / 2 * depth;
  const int have_offsets = find_offsets(p, offsets);

  edge_pointwise_t dot = {
      .table = p->table,
      .in_channels = (uint16_t)depth,
      .out_channels = (uint16_t)out_channels,
      .zero_point = p->zero_point,
      .low = p->low,
      .high = p->high,
  };
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
      const int32_t last_y = y + (p->kernel_height - 1) * p->dilation_y;
      const int rows_inside = have_offsets && y >= 0 && last_y < p->in_height;
      int32_t x = -(int32_t)p->pad_left;
      int8_t *pixel = out;
      uint32_t block;
      for (uint32_t left = p->out_width; left > 0; left -= block) {
        block = left < most ? left : most;
        const int32_t first_x = x;
        for (uint32_t g = 0; g < groups; g++) {
          x = first_x;
          const uint32_t first = g * out_channels;
          uint32_t *wide = widened;
          for (uint32_t i = 0; i < block; i += EDGE_GROUP) {
            const uint32_t count = block - i < EDGE_GROUP ? block - i : EDGE_GROUP;
            const int32_t next = x + (int32_t)count * p->stride_x;
            if (rows_inside && count == EDGE_GROUP && x >= 0 && next - p->stride_x <= last_x) {
              const int32_t at = y * (int32_t)p->in_row + x * p->in_channels;
              wide = widen_windows(in + at, offsets, depth, step, wide);
            } else {
              int8_t *to = windows;
              for (; x < next; x += p->stride_x) {
                to = gather(p, in + g * in_channels, y, x, to);
              }
              wide = edge_dsp_widen(windows, depth, count, wide);
            }
            x = next;
          }
          dot.weights = p->weights + first * depth;
          dot.bias = p->bias + first;
          dot.multiplier = p->multiplier + first;
          dot.shift = p->shift + first;
          edge_dsp_all_channels(&dot, widened, block, pixel + first);
        }
        pixel += block * p->out_channels;
      }
    }
  }
}
