/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen channels at a time. The rows under a window are in a ring, padding included: the channels
 * of (x, row) are at [x][row mod kernel_height], so that all values of a window are adjacent. The
 * order of its rows rotates from one output row to the next; there are weights for each rotation.
 *
 * VMULLB and VMULLT multiply the even and the odd channels to 16 bits; VMOVLB and VMOVLT widen
 * those to 32: so sums are in four vectors, of which the k-th has the channels k, k + 4, k + 8, k
 * + 12. Biases and scales are stored in this order.
 */
#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_mve_taps.h"

#define LANES 16

typedef struct {
  int32x4_t of[4];
} four_t;

typedef struct {
  four_t bias, multiplier, left; /* left: minus the shift */
  int16_t zero_point;
} scales_t;

/* weights[rotation][x][slot][channel]. */
static void rotate(const edge_convolution_t *p, const int8_t *weights, mve_pred16_t lanes,
                   uint32_t rotations, int8_t *to) {
  const uint32_t height = p->kernel_height;
  const uint32_t row = (uint32_t)p->kernel_width * p->out_channels;
  for (uint32_t rotation = 0; rotation < rotations; rotation++) {
    const int8_t *column = weights;
    for (uint32_t kx = p->kernel_width; kx > 0; kx--, column += p->out_channels) {
      for (uint32_t ky = 0; ky < height; ky++) {
        const uint32_t slot = ky + rotation < height ? ky + rotation : ky + rotation - height;
        vstrbq_s8(to + LANES * slot, vldrbq_z_s8(column + ky * row, lanes));
      }
      to += LANES * height;
    }
  }
}

/* Puts an image row, or a row of padding, into the ring. */
static void load(const edge_convolution_t *p, const int8_t *in, mve_pred16_t lanes, int32_t y,
                 uint32_t width, int8_t *to) {
  const uint32_t step = (uint32_t)LANES * p->kernel_height;
  to += p->pad_left * step;
  if (y < 0 || y >= p->in_height) {
    for (; width > 0; width--, to += step) {
      vstrbq_s8(to, vdupq_n_s8(p->in_zero_point));
    }
    return;
  }
  const int8_t *from = in + (uint32_t)y * p->in_row;
  for (; width > 0; width--, from += p->in_channels, to += step) {
    vstrbq_s8(to, vldrbq_z_s8(from, lanes));
  }
}

/* Adds sixteen 16-bit sums. */
static inline void add(four_t *sums, int16x8_t even, int16x8_t odd) {
  sums->of[0] = vaddq_s32(sums->of[0], vmovlbq_s16(even));
  sums->of[2] = vaddq_s32(sums->of[2], vmovltq_s16(even));
  sums->of[1] = vaddq_s32(sums->of[1], vmovlbq_s16(odd));
  sums->of[3] = vaddq_s32(sums->of[3], vmovltq_s16(odd));
}

static inline int32x4_t scale(const scales_t *s, int32x4_t sum, uint32_t k) {
  const int32x4_t high = vqrdmulhq_s32(sum, s->multiplier.of[k]);
  return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(sum, 31)), s->left.of[k]);
}

/* One row of outputs. Two products are added in 16 bits if `pairs_fit`. */
static void sum_row(const int8_t *x, uint32_t step, const int8_t *weights, uint32_t taps,
                    int pairs_fit, const scales_t *s, mve_pred16_t lanes, int8_t *out,
                    uint32_t out_step, uint32_t pixels) {
  const uint32_t pairs = pairs_fit ? taps / 2 : 0;
  const uint32_t singles = taps - 2 * pairs;
  for (; pixels > 0; pixels--, x += step, out += out_step) {
    four_t sums = s->bias;
    const int8_t *v = x;
    const int8_t *w = weights;
    for (uint32_t i = pairs; i > 0; i--, v += 2 * LANES, w += 2 * LANES) {
      const int8x16_t v0 = vldrbq_s8(v);
      const int8x16_t w0 = vldrbq_s8(w);
      const int8x16_t v1 = vldrbq_s8(v + LANES);
      const int8x16_t w1 = vldrbq_s8(w + LANES);
      add(&sums, vaddq_s16(vmullbq_int_s8(v0, w0), vmullbq_int_s8(v1, w1)),
          vaddq_s16(vmulltq_int_s8(v0, w0), vmulltq_int_s8(v1, w1)));
    }
    for (uint32_t i = singles; i > 0; i--, v += LANES, w += LANES) {
      const int8x16_t v0 = vldrbq_s8(v);
      const int8x16_t w0 = vldrbq_s8(w);
      add(&sums, vmullbq_int_s8(v0, w0), vmulltq_int_s8(v0, w0));
    }
    const int16x8_t even = vqaddq_n_s16(
        edge_mve_halves(scale(s, sums.of[0], 0), scale(s, sums.of[2], 2)), s->zero_point);
    const int16x8_t odd = vqaddq_n_s16(
        edge_mve_halves(scale(s, sums.of[1], 1), scale(s, sums.of[3], 3)), s->zero_point);
    const int8x16_t bytes = vqmovnbq_s16(vreinterpretq_s8_s16(even), even);
    vstrbq_p_s8(out, vqmovntq_s16(bytes, odd), lanes);
  }
}

/* Biases and scales of up to sixteen channels. */
static scales_t find_scales(const edge_convolution_t *p, uint32_t channel) {
  scales_t s = {.zero_point = p->zero_point};
  for (uint32_t k = 0; k < 4; k++) {
    const uint32x4_t at = vaddq_n_u32(vmulq_n_u32(vidupq_n_u32(0, 1), 4), channel + k);
    const mve_pred16_t lanes = vcmphiq_u32(vdupq_n_u32(p->out_channels), at);
    s.bias.of[k] = vldrwq_gather_shifted_offset_z_s32(p->bias, at, lanes);
    s.multiplier.of[k] = vldrwq_gather_shifted_offset_z_s32(p->multiplier, at, lanes);
    s.left.of[k] = vnegq_s32(vldrbq_gather_offset_z_s32(p->shift, at, lanes));
  }
  return s;
}

static void sixteen_channels(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                             uint32_t channel, uint32_t columns, int pairs_fit, int8_t *ring) {
  const uint32_t height = p->kernel_height;
  const uint32_t taps = height * p->kernel_width;
  const mve_pred16_t lanes = vctp8q(p->out_channels - channel);
  const uint32_t room = columns - p->pad_left;
  const uint32_t width = p->in_width < room ? p->in_width : room;
  int8_t *weights = ring + LANES * columns * height;
  rotate(p, p->weights + channel, lanes, p->out_height > 1 ? height : 1, weights);
  const scales_t scales = find_scales(p, channel);
  uint32_t loaded = 0; /* rows, counted from the first one of padding */
  for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
    const uint32_t first = oy * p->stride_y;
    for (loaded = loaded < first ? first : loaded; loaded < first + height; loaded++) {
      load(p, in, lanes, (int32_t)loaded - p->pad_top, width, ring + LANES * (loaded % height));
    }
    sum_row(ring, LANES * height * p->stride_x, weights + first % height * LANES * taps, taps,
            pairs_fit, &scales, lanes, out, p->out_channels, p->out_width);
  }
}

void edge_depthwise_dense(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                          void *scratch) {
  const uint32_t columns = (p->out_width - 1u) * p->stride_x + p->kernel_width;
  const uint32_t channels = p->out_channels;
  const uint32_t taps = (uint32_t)p->kernel_height * p->kernel_width;
  const int pairs_fit = edge_mve_pairs_fit(p->weights, taps * channels);
  int8_t *ring = scratch;
  /* The columns of padding stay as they are now. */
  for (uint32_t i = 0; i < columns * p->kernel_height; i++) {
    vstrbq_s8(ring + LANES * i, vdupq_n_s8(p->in_zero_point));
  }
  for (uint32_t n = 0; n < p->batches; n++) {
    for (uint32_t c = 0; c < channels; c += LANES) {
      sixteen_channels(p, in + c, out + c, c, columns, pairs_fit, ring);
    }
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      edge_mve_finish(out, p->out_width * channels, p->low, p->high, p->table);
    }
    in += p->in_height * p->in_row;
  }
}
