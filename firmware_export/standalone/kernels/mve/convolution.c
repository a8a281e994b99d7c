/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers the inputs under four windows, also across rows; then they are pixels of
 * edge_mve_dot(). */
#include "edge_kernels.h"
#include "edge_mve.h"

/* The rows of windows on one row of outputs. */
typedef struct {
  const int8_t *in;            /* the first image row that they cover */
  uint32_t row;                /* bytes to the next one */
  uint32_t above, rows, below; /* rows of a window in the padding, in the image, in the padding */
} band_t;

/* A few short rows of a window as one vector, if they are close to each other. */
typedef struct {
  uint8x16_t places; /* of its values in the image */
  uint32_t rows;     /* 0: don't */
  uint32_t size;     /* of a row of the window */
} patch_t;

/* `row`: bytes from one to the next. */
static inline patch_t find_patch(uint32_t row, uint32_t size) {
  const uint8x16_t lanes = vidupq_n_u8(0, 1);
  patch_t patch = {.places = lanes, .rows = 0, .size = size};
  if (2 * size > 16 || row + size > UINT8_MAX) {
    return patch;
  }
  uint32_t rows = 1;
  for (; (rows + 1) * size <= 16 && rows * row + size <= UINT8_MAX; rows++) {
    const mve_pred16_t others = vcmpcsq_n_u8(lanes, (uint8_t)(rows * size));
    patch.places = vaddq_m_n_u8(patch.places, patch.places, (uint8_t)(row - size), others);
  }
  patch.rows = rows;
  return patch;
}

/* Copies what is under four windows inside the image that are `stride` bytes apart; up to 15 bytes
 * after them are overwritten. */
static __attribute__((noinline)) void gather_four(const patch_t *patch, const int8_t *from,
                                                  uint32_t stride, uint32_t row, uint32_t rows,
                                                  int8_t *to) {
  const uint32_t patches = (rows - 1) / patch->rows; /* before the last one */
  const uint32_t rest = rows - patches * patch->rows;
  const uint32_t next = patch->rows * row;
  const uint32_t size = patch->rows * patch->size;
  const uint32_t last_size = rest * patch->size;
  /* Nothing after a patch's last row is read. */
  const uint32_t end = (patch->rows - 1) * row + patch->size - 1;
  const uint32_t last_end = (rest - 1) * row + patch->size - 1;
  const uint8x16_t places = vminq_u8(patch->places, vdupq_n_u8((uint8_t)end));
  const uint8x16_t last = vminq_u8(patch->places, vdupq_n_u8((uint8_t)last_end));
  for (uint32_t i = EDGE_MVE_PIXELS; i > 0; i--, from += stride) {
    const int8_t *x = from;
    for (uint32_t k = patches; k > 0; k--, x += next, to += size) {
      vstrbq_s8(to, vldrbq_gather_offset_s8(x, places));
    }
    vstrbq_s8(to, vldrbq_gather_offset_s8(x, last));
    to += last_size;
  }
}

static band_t find_band(const edge_convolution_t *p, const int8_t *in, int32_t y) {
  const int32_t height = p->kernel_height;
  int32_t first = 0;
  while (first < height && y + first * p->dilation_y < 0) {
    first++;
  }
  int32_t stop = first;
  while (stop < height && y + stop * p->dilation_y < p->in_height) {
    stop++;
  }
  const int32_t top = y + first * p->dilation_y;
  const band_t band = {
      .in = in + (stop > first ? (uint32_t)top * p->in_row : 0),
      .row = p->dilation_y * p->in_row,
      .above = (uint32_t)first,
      .rows = (uint32_t)(stop - first),
      .below = (uint32_t)(height - stop),
  };
  return band;
}

/* Copies `rows` rows of at most 16 values; up to 15 bytes after them are overwritten. */
static inline int8_t *copy_short_rows(int8_t *to, const int8_t *from, uint32_t row, uint32_t rows,
                                      uint32_t size) {
#if EDGE_MVE_ASM
  __asm__ volatile(
      "vctp.8 %[size]\n\t"
      "wls lr, %[rows], 1f\n"
      "2:\n\t"
      "vpst\n\t"
      "vldrbt.u8 q0, [%[from]]\n\t"
      "add %[from], %[from], %[row]\n\t"
      "vstrb.8 q0, [%[to]]\n\t"
      "add %[to], %[to], %[size]\n\t"
      "le lr, 2b\n"
      "1:"
      : [to] "+r"(to), [from] "+r"(from)
      : [size] "r"(size), [rows] "r"(rows), [row] "r"(row)
      : "lr", "s0", "s1", "s2", "s3", "p0", "memory");
#else /* clang has no name for the predicate, which the assembly overwrites */
  const mve_pred16_t lanes = vctp8q(size);
  for (; rows > 0; rows--, from += row, to += size) {
    vstrbq_s8(to, vldrbq_z_s8(from, lanes));
  }
#endif
  return to;
}

static inline int8_t *copy_rows(int8_t *to, const int8_t *from, uint32_t row, uint32_t rows,
                                uint32_t size) {
  if (size <= 16) {
    return copy_short_rows(to, from, row, rows, size);
  }
  for (; rows > 0; rows--, from += row) {
    to = edge_mve_copy(to, from, size);
  }
  return to;
}

/* A window, or its rows inside the image, that is partly in the padding or has gaps. */
static __attribute__((noinline)) int8_t *gather_any(const edge_convolution_t *p, const band_t *band,
                                                    int32_t x, uint32_t channel, int8_t *to) {
  const int32_t columns = p->kernel_width;
  const uint32_t channels = (uint32_t)(p->in_channels / p->groups);
  const int32_t padding = p->in_zero_point;
  const int8_t *row = band->in + channel;
  for (uint32_t i = band->rows; i > 0; i--, row += band->row) {
    if (p->dilation_x == 1 && p->groups == 1) {
      const int32_t before = x < 0 ? (-x < columns ? -x : columns) : 0;
      const int32_t room = p->in_width - x;
      const int32_t end = room < columns ? (room > before ? room : before) : columns;
      to = edge_mve_fill(to, padding, (uint32_t)before * channels);
      to = edge_mve_copy(to, row + (x + before) * (int32_t)channels,
                         (uint32_t)(end - before) * channels);
      to = edge_mve_fill(to, padding, (uint32_t)(columns - end) * channels);
      continue;
    }
    for (int32_t kx = 0; kx < columns; kx++) {
      const int32_t column = x + kx * p->dilation_x;
      if (column >= 0 && column < p->in_width) {
        to = edge_mve_copy(to, row + column * p->in_channels, channels);
      } else {
        to = edge_mve_fill(to, padding, channels);
      }
    }
  }
  return to;
}

/* Copies the inputs under the window that begins at column `x`, possibly in the padding, from
 * `channel` on; `size` is that of one of its rows. Returns their end. */
static inline int8_t *gather(const edge_convolution_t *p, const band_t *band, int32_t x,
                             uint32_t channel, uint32_t size, int is_dense, int8_t *to) {
  if (band->above > 0) {
    to = edge_mve_fill(to, p->in_zero_point, band->above * size);
  }
  if (is_dense && x >= 0 && x + p->kernel_width <= p->in_width) {
    const int8_t *from = band->in + (uint32_t)x * p->in_channels;
    to = copy_rows(to, from, band->row, band->rows, size);
  } else {
    to = gather_any(p, band, x, channel, to);
  }
  if (band->below > 0) {
    to = edge_mve_fill(to, p->in_zero_point, band->below * size);
  }
  return to;
}

/* Whether four windows of one row, the first of which begins at column `x`, are in the image. */
static inline int are_inside(const edge_convolution_t *p, const band_t *band, int32_t x,
                             uint32_t ox) {
  const int32_t last = x + (EDGE_MVE_PIXELS - 1) * p->stride_x;
  return x >= 0 && last + p->kernel_width <= p->in_width && ox + EDGE_MVE_PIXELS <= p->out_width &&
         band->rows == p->kernel_height;
}

void edge_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch) {
  const uint32_t in_channels = (uint32_t)(p->in_channels / p->groups);
  const uint32_t out_channels = (uint32_t)(p->out_channels / p->groups);
  const uint32_t size = p->kernel_width * in_channels;
  const uint32_t depth = p->kernel_height * size;
  const int is_dense = p->dilation_x == 1 && p->groups == 1;
  const patch_t patch = find_patch(p->dilation_y * p->in_row, is_dense ? size : UINT8_MAX);
  /* Outputs without gaps are one row. */
  const int is_one_row = p->out_row == (uint32_t)p->out_width * p->out_channels;
  edge_pointwise_t dot = {
      .in_channels = (uint16_t)depth,
      .out_channels = (uint16_t)out_channels,
      .zero_point = p->zero_point,
  };
  for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
    uint32_t left = (uint32_t)p->out_width * p->out_height;
    uint32_t oy = 0;
    uint32_t ox = 0;
    band_t band = find_band(p, in, -(int32_t)p->pad_top);
    while (left > 0) {
      const uint32_t rest = is_one_row ? left : p->out_width - ox;
      const uint32_t count = rest < EDGE_MVE_PIXELS ? rest : EDGE_MVE_PIXELS;
      int8_t *pixel = out + oy * p->out_row + ox * p->out_channels;
      const uint32_t first_row = oy;
      const uint32_t first_column = ox;
      for (uint32_t g = 0; g < p->groups; g++) {
        const uint32_t first = g * out_channels;
        int8_t *to = scratch;
        if (g > 0) {
          oy = first_row;
          ox = first_column;
          band = find_band(p, in, (int32_t)(oy * p->stride_y) - p->pad_top);
        }
        for (uint32_t i = 0; i < count;) {
          const int32_t x = (int32_t)(ox * p->stride_x) - p->pad_left;
          uint32_t windows = 1;
          if (patch.rows > 0 && count == EDGE_MVE_PIXELS && i == 0 && are_inside(p, &band, x, ox)) {
            gather_four(&patch, band.in + x * (int32_t)in_channels, p->stride_x * in_channels,
                        band.row, band.rows, to);
            windows = EDGE_MVE_PIXELS;
          } else {
            to = gather(p, &band, x, g * in_channels, size, is_dense, to);
          }
          i += windows;
          ox += windows;
          if (ox == p->out_width) {
            ox = 0;
            oy++;
            band = find_band(p, in, (int32_t)(oy * p->stride_y) - p->pad_top);
          }
        }
        dot.weights = p->weights + first * depth;
        dot.bias = p->bias + first;
        dot.multiplier = p->multiplier + first;
        dot.shift = p->shift + first;
        edge_mve_dot(&dot, scratch, count, p->out_channels, pixel + first);
      }
      edge_mve_finish(pixel, count * p->out_channels, p->low, p->high, p->table);
      left -= count;
    }
    out += p->out_height * p->out_row;
  }
}
