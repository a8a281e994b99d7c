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

/* What sum_four needs; the order is known to the assembly. */
typedef struct {
  const int8_t *x[EDGE_MVE_PIXELS];
  const int8_t *weights;
  const int32_t *bias;
  uint32_t depth;
  uint32_t multipliers; /* bytes from a channel's bias to its multiplier */
  const int8_t *shift;
  int8_t *out;
  const int8_t *end; /* of the first pixel's outputs */
  int32_t zero_point;
  uint32_t places[EDGE_MVE_PIXELS]; /* of the pixels' outputs, from `out` on */
} four_t;

/* Four pixels, all output channels. Naked, since it needs nearly all registers: r0, r2, r4, r6 are
 * the sums; ten instructions for 64 products. */
static __attribute__((naked, noinline)) void sum_four(four_t *four __attribute__((unused))) {
  __asm__ volatile(
      "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
      "vpush {d8-d13}\n\t"
      "mov r11, r0\n\t"
      "ldrd r12, r10, [r11, #16]\n\t"
      "ldr r9, [r11, #24]\n\t"
      "ldr r0, [r11, #44]\n\t"
      "vdup.32 q5, r0\n\t"
      "add r0, r11, #48\n\t"
      "vldrw.u32 q6, [r0]\n"
      "1:\n\t"
      "ldr r0, [r10], #4\n\t"
      "ldm r11, {r1, r3, r5, r7}\n\t"
      "mov r2, r0\n\t"
      "mov r4, r0\n\t"
      "mov r6, r0\n\t"
      "mov r8, r12\n\t"
      "add r12, r12, r9\n\t"
      "dlstp.8 lr, r9\n"
      "2:\n\t"
      "vldrb.u8 q4, [r8], #16\n\t"
      "vldrb.u8 q0, [r1], #16\n\t"
      "vmladava.s8 r0, q0, q4\n\t"
      "vldrb.u8 q1, [r3], #16\n\t"
      "vmladava.s8 r2, q1, q4\n\t"
      "vldrb.u8 q2, [r5], #16\n\t"
      "vmladava.s8 r4, q2, q4\n\t"
      "vldrb.u8 q3, [r7], #16\n\t"
      "vmladava.s8 r6, q3, q4\n\t"
      "letp lr, 2b\n\t"
      "ldrd r1, r3, [r11, #28]\n\t"
      "vmov d0, r0, r2\n\t"
      "vmov d1, r4, r6\n\t"
      "ldrsb r5, [r3], #1\n\t"
      "add r1, r1, r10\n\t"
      "ldr r1, [r1, #-4]\n\t"
      "str r3, [r11, #32]\n\t"
      "vshr.s32 q1, q0, #31\n\t"
      "ldrd r4, r6, [r11, #36]\n\t"
      "rsb r5, r5, #0\n\t"
      "vqrdmlah.s32 q1, q0, r1\n\t"
      "vrshl.s32 q1, r5\n\t"
      "vadd.i32 q1, q1, q5\n\t"
      "vqmovnb.s32 q1, q1\n\t"
      "vqmovnb.s16 q1, q1\n\t"
      "vstrb.32 q1, [r4, q6]\n\t"
      "add r4, r4, #1\n\t"
      "str r4, [r11, #36]\n\t"
      "cmp r4, r6\n\t"
      "bne.w 1b\n\t"
      "vpop {d8-d13}\n\t"
      "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

void edge_mve_dot(const edge_pointwise_t *p, const int8_t *x, uint32_t pixels, uint32_t step,
                  int8_t *out) {
  const uint32_t depth = p->in_channels;
  four_t four = {
      .weights = p->weights,
      .bias = p->bias,
      .depth = depth,
      .multipliers = (uint32_t)((uintptr_t)p->multiplier - (uintptr_t)p->bias),
      .shift = p->shift,
      .out = out,
      .end = out + p->out_channels,
      .zero_point = p->zero_point,
  };
  /* Instead of missing pixels, the last one is processed again. */
  uint32_t place = 0;
  for (uint32_t i = 0; i < EDGE_MVE_PIXELS; i++) {
    four.x[i] = x;
    four.places[i] = place;
    if (i + 1 < pixels) {
      x += depth;
      place += step;
    }
  }
  sum_four(&four);
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

/* A row of pixels with more values. Outputs may overwrite them: then four are saved first. */
static void long_row(const edge_pointwise_t *p, const int8_t *in, int8_t *out, int8_t *saved) {
  const uint32_t depth = p->in_channels;
  const uint32_t channels = p->out_channels;
  uint32_t pixels = EDGE_MVE_PIXELS;
  for (uint32_t left = p->width; left > 0; left -= pixels) {
    pixels = left < pixels ? left : pixels;
    const int8_t *x = in;
    if (out < in + pixels * depth && in < out + pixels * channels) {
      (void)edge_mve_copy(saved, in, pixels * depth);
      x = saved;
    }
    edge_mve_dot(p, x, pixels, channels, out);
    in += pixels * depth;
    out += pixels * channels;
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
