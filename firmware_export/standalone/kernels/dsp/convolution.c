/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* Windows are widened in groups, also across rows, and handled like pixels in edge_pointwise.
 *
 * If a row of a window consists of whole words, these are widened where they are. Otherwise, four
 * values of a window inside the image are read where a table says, at the end of one row and at the
 * start of the next; those of any other window are gathered first. Of an image with one channel,
 * what is under a whole group of windows is gathered at once. */

/* Where four values of a window are: those of `mask` in the word at `at`, the others in that at
 * `next`, both counted from the window's start. */
typedef struct {
  uint16_t at, next;
  uint32_t mask;
} four_t;

static inline int8_t *copy(int8_t *to, const int8_t *from, uint32_t size) {
  for (; size >= 4; size -= 4, to += 4, from += 4) {
    memcpy(to, from, 4);
  }
  for (; size > 0; size--) {
    *to++ = *from++;
  }
  return to;
}

static int8_t *repeat(int8_t *to, int32_t value, uint32_t size) {
  const uint32_t four = (uint8_t)value * UINT32_C(0x01010101);
  for (; size >= 4; size -= 4, to += 4) {
    memcpy(to, &four, 4);
  }
  for (; size > 0; size--) {
    *to++ = (int8_t)value;
  }
  return to;
}

/* Copies adjacent columns of a row of the inputs, of one group's channels. Returns their end. `row`
 * is at the group's channels; NULL for a row in the padding. */
static int8_t *copy_columns(const edge_convolution_t *p, const int8_t *row, int32_t column,
                            int32_t columns, uint32_t channels, int8_t *to) {
  const int32_t before = edge_clamp(-column, 0, columns);
  const int32_t inside = edge_clamp(p->in_width - column, 0, columns) - before;
  if (!row || inside <= 0) {
    return repeat(to, p->in_zero_point, (uint32_t)columns * channels);
  }
  to = repeat(to, p->in_zero_point, (uint32_t)before * channels);
  to = copy(to, row + (column + before) * p->in_channels, (uint32_t)inside * channels);
  return repeat(to, p->in_zero_point, (uint32_t)(columns - before - inside) * channels);
}

/* Copies a row of the inputs under one window, without gaps. Returns their end. */
static __attribute__((noinline)) int8_t *gather_row(const edge_convolution_t *p, const int8_t *row,
                                                    int32_t x, int8_t *to) {
  const uint32_t channels = (uint32_t)(p->in_channels / p->groups);
  /* Adjacent columns of taps are one run; others are copied one by one. */
  const int32_t columns = p->dilation_x == 1 && p->groups == 1 ? p->kernel_width : 1;
  for (int32_t kx = 0; kx < p->kernel_width; kx += columns, x += p->dilation_x) {
    to = copy_columns(p, row, x, columns, channels, to);
  }
  return to;
}

/* Bytes from a window's start to its `i`-th value; values of a run have no gaps. */
static uint32_t place_of(const edge_convolution_t *p, uint32_t run, uint32_t i) {
  const uint32_t runs = (uint32_t)p->kernel_width * p->in_channels / run; /* of a row */
  const uint32_t number = i / run;
  return number / runs * p->dilation_y * p->in_row +
         number % runs * p->dilation_x * p->in_channels + i % run;
}

/* Where a window's values are: those of each four, then uint16_t of each remaining one. Returns
 * whether there is such a table. */
static int find_values(const edge_convolution_t *p, uint32_t depth, four_t *fours) {
  const uint32_t run = (uint32_t)(p->dilation_x == 1 ? p->kernel_width : 1) * p->in_channels;
  if (p->groups > 1 || p->kernel_height * p->dilation_y * p->in_row > UINT16_MAX || run < 2) {
    return 0;
  }
  uint32_t i = 0;
  for (; i + 4 <= depth; i += 4, fours++) {
    const uint32_t here = run - i % run; /* of the run */
    fours->at = (uint16_t)place_of(p, run, i);
    fours->next = fours->at;
    fours->mask = UINT32_MAX;
    if (here < 4) {
      fours->next = (uint16_t)(place_of(p, run, i + here) - here);
      fours->mask = (UINT32_C(1) << 8 * here) - 1;
    }
  }
  uint16_t *one = (uint16_t *)fours;
  for (; i < depth; i++) {
    *one++ = (uint16_t)place_of(p, run, i);
  }
  return 1;
}

static inline void widen_four(uint32_t word, uint32_t *to) {
  to[0] = edge_even_bytes(word);
  to[1] = edge_odd_bytes(word);
}

static inline uint32_t both(const int8_t *first, const int8_t *second, uint32_t mask) {
  return (edge_load_word(first) & mask) | (edge_load_word(second) & ~mask);
}

/* Widens four values of each window of a group: those of `mask` in the word at `first`, the others
 * in that at `second`. Returns the place of the next ones. */
static inline uint32_t *widen_fours(const int8_t *first, const int8_t *second, uint32_t mask,
                                    uint32_t step, uint32_t *to) {
  uint32_t *const end = to + 2 * EDGE_GROUP;
  if (mask == UINT32_MAX) {
    for (; to < end; first += 2 * step, to += 4) {
      const uint32_t a = edge_load_word(first);
      const uint32_t b = edge_load_word(first + step);
      widen_four(a, to);
      widen_four(b, to + 2);
    }
    return to;
  }
  for (; to < end; first += step, second += step, to += 2) {
    widen_four(both(first, second, mask), to);
  }
  return to;
}

/* Widens one value of each window. */
static inline uint32_t *widen_ones(const int8_t *value, uint32_t step, uint32_t *to) {
  for (uint32_t i = 0; i < EDGE_GROUP; i += 2, value += 2 * step) {
    *to++ = edge_pair(value[0], value[step]);
  }
  return to;
}

/* Widens a group of windows, `step` bytes apart. */
static __attribute__((noinline)) void widen_windows(const int8_t *x, const four_t *fours,
                                                    uint32_t depth, uint32_t step, uint32_t *to) {
  for (uint32_t left = depth / 4; left > 0; left--, fours++) {
    to = widen_fours(x + fours->at, x + fours->next, fours->mask, step, to);
  }
  const uint16_t *one = (const uint16_t *)fours;
  for (uint32_t left = depth % 4; left > 0; left--) {
    to = widen_ones(x + *one++, step, to);
  }
}

/* Gathers and widens a group of windows over one channel, the first of which begins at (y, x). */
static __attribute__((noinline)) void widen_strip(const edge_convolution_t *p, const int8_t *in,
                                                  int32_t y, int32_t x, int8_t *strip,
                                                  uint32_t *to) {
  const uint32_t run = p->kernel_width;
  const uint32_t step = p->stride_x;
  const uint32_t width = (EDGE_GROUP - 1) * step + run;
  int8_t *end = strip;
  for (uint32_t ky = p->kernel_height; ky > 0; ky--, y += p->dilation_y) {
    const int row_inside = y >= 0 && y < p->in_height;
    const int8_t *row = row_inside ? in + (uint32_t)y * p->in_row : NULL;
    end = copy_columns(p, row, x, (int32_t)width, 1, end);
  }
  const int8_t *row = strip;
  uint32_t i = 0; /* of the row */
  for (uint32_t left = p->kernel_height * run / 4; left > 0; left--) {
    const uint32_t here = run - i;
    const uint32_t mask = here < 4 ? (UINT32_C(1) << 8 * here) - 1 : UINT32_MAX;
    to = widen_fours(row + i, row + width - here, mask, step, to);
    for (i += 4; i >= run; i -= run) {
      row += width;
    }
  }
  for (uint32_t left = p->kernel_height * run % 4; left > 0; left--) {
    to = widen_ones(row + i++, step, to);
  }
}

/* Widens the `pixel`-th window of a group. */
static void widen_one(const int8_t *x, const four_t *fours, uint32_t depth, uint32_t group,
                      uint32_t pixel, uint32_t *block) {
  uint32_t *to = block + 2 * pixel;
  for (uint32_t left = depth / 4; left > 0; left--, fours++, to += 2 * group) {
    widen_four(both(x + fours->at, x + fours->next, fours->mask), to);
  }
  const uint16_t *place = (const uint16_t *)fours;
  int8_t *one = (int8_t *)(to - 2 * pixel) + 2 * pixel;
  for (uint32_t left = depth % 4; left > 0; left--, one += 2 * group) {
    const int16_t value = x[*place++];
    memcpy(one, &value, sizeof value);
  }
}

/* Widens one window that begins at (y, x), possibly in the padding. `in` is at the group's
 * channels, `run` the number of values in a row of the window; `fours` may be NULL. */
static void widen_window(const edge_convolution_t *p, const int8_t *in, int32_t y, int32_t x,
                         uint32_t run, const four_t *fours, int8_t *gathered, uint32_t group,
                         uint32_t pixel, uint32_t *block) {
  const int is_words = run % 4 == 0;
  const int columns_inside =
      p->groups == 1 && p->dilation_x == 1 && x >= 0 && x + p->kernel_width <= p->in_width;
  const int rows_inside = y >= 0 && y + (p->kernel_height - 1) * p->dilation_y < p->in_height;
  int8_t *to = gathered;
  uint32_t *wide = block + edge_dsp_pixel_words(group) * pixel;
  if (rows_inside && columns_inside && is_words) {
    const int8_t *from = in + (uint32_t)y * p->in_row + x * p->in_channels;
    (void)edge_dsp_widen(from, run / 4, p->dilation_y * p->in_row, p->kernel_height, group, wide);
    return;
  }
  if (rows_inside && columns_inside && fours) {
    const int8_t *from = in + (uint32_t)y * p->in_row + x * p->in_channels;
    widen_one(from, fours, run * p->kernel_height, group, pixel, block);
    return;
  }
  for (uint32_t ky = p->kernel_height; ky > 0; ky--, y += p->dilation_y) {
    const int row_inside = y >= 0 && y < p->in_height;
    const int8_t *row = row_inside ? in + (uint32_t)y * p->in_row : NULL;
    if (!is_words || !columns_inside) {
      to = gather_row(p, row, x, to);
      continue;
    }
    const int8_t *from = gathered;
    if (row_inside) {
      from = row + x * p->in_channels;
    } else {
      (void)gather_row(p, row, x, gathered);
    }
    wide = edge_dsp_widen(from, run / 4, run, 1, group, wide);
  }
  if (!is_words || !columns_inside) {
    edge_dsp_widen_pixels(gathered, run * p->kernel_height, group, pixel, 1, block);
  }
}

void edge_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch) {
  const uint32_t in_channels = (uint32_t)(p->in_channels / p->groups);
  const uint32_t out_channels = (uint32_t)(p->out_channels / p->groups);
  const uint32_t run = p->kernel_width * in_channels;
  const uint32_t depth = p->kernel_height * run;
  const int32_t last_x = p->in_width - 1 - (p->kernel_width - 1) * p->dilation_x;
  const uint32_t step = (uint32_t)p->stride_x * p->in_channels;
  uint32_t *widened = scratch;
  four_t *fours = (four_t *)(widened + p->group * ((depth + 3) & ~UINT32_C(3)) / 2);
  int8_t *gathered = (int8_t *)fours + 2 * depth;
  const int have_fours = run % 4 != 0 && find_values(p, depth, fours);
  /* Outputs without gaps are one row. */
  const int is_one_row = p->out_row == (uint32_t)p->out_width * p->out_channels;

  edge_pointwise_t dot = {
      .in_channels = (uint16_t)depth,
      .out_channels = (uint16_t)out_channels,
      .zero_point = p->zero_point,
      .group = p->group,
      .is_positive = p->is_positive,
  };
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    uint32_t left = (uint32_t)p->out_width * p->out_height;
    uint32_t oy = 0;
    uint32_t ox = 0;
    while (left > 0) {
      const uint32_t rest = is_one_row ? left : p->out_width - ox;
      const uint32_t count = rest < p->group ? rest : p->group;
      const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
      const int32_t x = (int32_t)(ox * p->stride_x) - p->pad_left;
      const int is_inside = have_fours && count == EDGE_GROUP && y >= 0 && x >= 0 &&
                            y + (p->kernel_height - 1) * p->dilation_y < p->in_height &&
                            x + (EDGE_GROUP - 1) * p->stride_x <= last_x &&
                            ox + EDGE_GROUP <= p->out_width;
      int8_t *pixel = out + oy * p->out_row + ox * p->out_channels;
      for (uint32_t g = 0; g < p->groups; g++) {
        const uint32_t first = g * out_channels;
        if (is_inside) {
          const int32_t at = y * (int32_t)p->in_row + x * p->in_channels;
          widen_windows(in + at, fours, depth, step, widened);
        } else if (have_fours && p->in_channels == 1 && edge_dsp_group(count) == EDGE_GROUP &&
                   ox + count <= p->out_width) {
          widen_strip(p, in, y, x, gathered, widened);
        } else {
          uint32_t row = oy;
          uint32_t column = ox;
          for (uint32_t i = 0; i < count; i++) {
            const int32_t top = (int32_t)(row * p->stride_y) - p->pad_top;
            const int32_t start = (int32_t)(column * p->stride_x) - p->pad_left;
            widen_window(p, in + g * in_channels, top, start, run, have_fours ? fours : NULL,
                         gathered, edge_dsp_group_of(p->group, count), i, widened);
            if (++column == p->out_width) {
              column = 0;
              row++;
            }
          }
        }
        dot.weights = p->weights + first * depth;
        dot.bias = p->bias + first;
        dot.multiplier = p->multiplier + first;
        dot.shift = p->shift + first;
        edge_dsp_all_channels(&dot, widened, count, p->out_channels, pixel + first);
      }
      edge_dsp_look_up(p->table, p->low, p->high, pixel, count * p->out_channels);
      left -= count;
      ox += count;
      while (ox >= p->out_width) {
        ox -= p->out_width;
        oy++;
      }
    }
    out += p->out_height * p->out_row;
  }
}
