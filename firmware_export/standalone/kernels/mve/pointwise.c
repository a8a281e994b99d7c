/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes are pixels; see edge_mve.h. */
#include "edge_kernels.h"
#include "edge_mve.h"

/* Shared by the loops over output channels: the channel's parameters, how four sums become four
 * outputs and where they go. */
typedef struct {
  const int32_t *bias;
  const int32_t *multiplier;
  const int8_t *shift;
  int8_t *out;
  int32x4_t zero_point;
  uint32x4_t places;
} channel_t;

/* `pixels`, 1 or more, with outputs `step` bytes apart; if there are fewer than four, the last one
 * is written several times. */
static inline channel_t first_channel(const edge_pointwise_t *p, uint32_t pixels, uint32_t step,
                                      int8_t *out) {
  const uint32x4_t pixel = vminq_u32(vidupq_n_u32(0, 1), vdupq_n_u32(pixels - 1));
  channel_t channel;
  channel.bias = p->bias;
  channel.multiplier = p->multiplier;
  channel.shift = p->shift;
  channel.out = out;
  channel.zero_point = vdupq_n_s32(p->zero_point);
  channel.places = vmulq_n_u32(pixel, step);
  return channel;
}

static inline void store(channel_t *c, int32x4_t sums) {
  const int32x4_t with_bias = vaddq_n_s32(sums, *c->bias++);
  const int32x4_t high = edge_mve_multiply(with_bias, *c->multiplier++);
  const int32x4_t scaled = vrshlq_n_s32(high, -*c->shift++);
  const int32x4_t bytes = edge_mve_saturate(vaddq_s32(scaled, c->zero_point));
  vstrbq_scatter_offset_s32(c->out, c->places, bytes);
  c->out++;
  EDGE_MVE_FORGET(c->out); /* otherwise GCC computes it from the channels left */
}

static inline int32_t sum_of_32(const int8_t *x, int8x16_t first, int8x16_t second) {
  return vmladavaq_s8(vmladavq_s8(vldrbq_s8(x), first), vldrbq_s8(x + 16), second);
}

/* Pixels of up to 32 values. */
static void dot_two(const edge_pointwise_t *p, const int8_t *block, channel_t channel) {
  const uint32_t depth = p->in_channels;
  const uint32_t rest = depth > 16 ? depth - 16 : 0;
  const int8_t *w = p->weights;
  for (uint32_t o = p->out_channels; o > 0; o--, w += depth) {
    const int8x16_t first = edge_mve_load(w, depth);
    const int8x16_t second = edge_mve_load(w + 16, rest);
    const int8_t *x = block;
    EDGE_MVE_FORGET(x);
    const int32_t sum0 = sum_of_32(x, first, second);
    const int32_t sum1 = sum_of_32(x + 32, first, second);
    const int32x4_t low = edge_mve_join_low(sum0, sum1);
    EDGE_MVE_FORGET(x);
    const int32_t sum2 = sum_of_32(x + 64, first, second);
    const int32_t sum3 = sum_of_32(x + 96, first, second);
    store(&channel, edge_mve_join_high(low, sum2, sum3));
  }
}

/* Sums of four pixels so far. */
typedef struct {
  int32_t of[EDGE_MVE_PIXELS];
} sums_t;

/* 16 more values of each. */
static inline void add(sums_t *sums, const int8_t *x, int8x16_t weights) {
  sums->of[0] = vmladavaq_s8(sums->of[0], vldrbq_s8(x), weights);
  sums->of[1] = vmladavaq_s8(sums->of[1], vldrbq_s8(x + 16), weights);
  sums->of[2] = vmladavaq_s8(sums->of[2], vldrbq_s8(x + 32), weights);
  sums->of[3] = vmladavaq_s8(sums->of[3], vldrbq_s8(x + 48), weights);
}

/* Pixels of more than 32 values. */
static void dot_many(const edge_pointwise_t *p, const int8_t *block, channel_t channel) {
  const uint32_t depth = p->in_channels;
  const uint32_t whole = (depth - 1) / 16;
  const int8_t *w = p->weights;
  for (uint32_t o = p->out_channels; o > 0; o--, w += depth - 16 * whole) {
    const int8_t *x = block;
    sums_t sums = {{0}};
    for (uint32_t i = whole; i > 0; i--, w += 16, x += 64) {
      EDGE_MVE_FORGET(x);
      add(&sums, x, vldrbq_s8(w));
    }
    EDGE_MVE_FORGET(x);
    add(&sums, x, edge_mve_load(w, depth - 16 * whole));
    const int32x4_t low = edge_mve_join_low(sums.of[0], sums.of[1]);
    store(&channel, edge_mve_join_high(low, sums.of[2], sums.of[3]));
  }
}

void edge_mve_dot(const edge_pointwise_t *p, const int8_t *block, uint32_t pixels, uint32_t step,
                  int8_t *out) {
  const channel_t channel = first_channel(p, pixels, step, out);
  if (p->in_channels <= 32) {
    dot_two(p, block, channel);
  } else {
    dot_many(p, block, channel);
  }
}

/* A row of pixels with at most 16 values: four of them stay in registers. */
static void short_row(const edge_pointwise_t *p, const int8_t *in, int8_t *out) {
  const edge_pointwise_t local = *p;
  const uint32_t depth = local.in_channels;
  const uint32_t channels = local.out_channels;
  uint32_t pixels = EDGE_MVE_PIXELS;
  channel_t start = first_channel(&local, pixels, channels, out);
  for (uint32_t left = local.width; left > 0; left -= pixels, in += pixels * depth) {
    /* Instead of missing pixels, the last one is read again. */
    if (left < pixels) {
      pixels = left;
      start = first_channel(&local, pixels, channels, start.out);
    }
    const int8_t *second = in + (pixels > 1 ? depth : 0);
    const int8_t *third = second + (pixels > 2 ? depth : 0);
    const int8x16_t x0 = edge_mve_load(in, depth);
    const int8x16_t x1 = edge_mve_load(second, depth);
    const int8x16_t x2 = edge_mve_load(third, depth);
    const int8x16_t x3 = edge_mve_load(third + (pixels > 3 ? depth : 0), depth);
    const int8_t *w = local.weights;
    channel_t channel = start;
    for (uint32_t o = channels; o > 0; o--, w += depth) {
      const int8x16_t weights = edge_mve_load(w, depth);
      const int32x4_t low = edge_mve_join_low(vmladavq_s8(x0, weights), vmladavq_s8(x1, weights));
      store(&channel, edge_mve_join_high(low, vmladavq_s8(x2, weights), vmladavq_s8(x3, weights)));
    }
    start.out += pixels * channels;
  }
}

/* A row of pixels with more values, which are copied to the layout of edge_mve_dot(). */
static void long_row(const edge_pointwise_t *p, const int8_t *in, int8_t *out, int8_t *block) {
  const uint32_t depth = p->in_channels;
  uint32_t pixels = EDGE_MVE_PIXELS;
  for (uint32_t left = p->width; left > 0; left -= pixels) {
    pixels = left < pixels ? left : pixels;
    for (uint32_t i = 0; i < EDGE_MVE_PIXELS; i++) {
      const uint32_t pixel = i < pixels ? i : pixels - 1;
      edge_mve_put(in + pixel * depth, depth, block, i);
    }
    edge_mve_dot(p, block, pixels, p->out_channels, out);
    in += pixels * depth;
    out += pixels * p->out_channels;
  }
}

void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch) {
  for (uint32_t row = 0; row < p->rows; row++, in += p->in_row, out += p->out_row) {
    if (p->in_channels <= 16) {
      short_row(p, in, out);
    } else {
      long_row(p, in, out, scratch);
    }
    const uint32_t size = (uint32_t)p->width * p->out_channels;
    edge_mve_finish(out, size, p->low, p->high, p->table);
  }
}
