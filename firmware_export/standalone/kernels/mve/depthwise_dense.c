/* SPDX-License-Identifier: Apache-2.0 */
/* Eight channels at a time. The rows under a window are in a ring, padding included: the channels
 * of (x, row) are at [x][row mod kernel_height], so that all values of a window are adjacent. The
 * order of its rows rotates from one output row to the next; there are weights for each rotation.
 *
 * Products have 16 bits, sums 32: those of even channels are in one vector, those of odd ones in
 * another.
 */
#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_mve_taps.h"

#define LANES 8

/* Of even and odd channels; the order is known to the assembly. */
typedef struct {
  int32x4_t bias[2], multiplier[2], left[2]; /* left: minus the shift */
} scales_t;

/* The sums and outputs of one row; the order is known to the assembly. */
typedef struct {
  const int8_t *x;
  const int8_t *weights;
  uint32_t pairs, singles; /* taps whose products are added in 16 bits, and others */
  const scales_t *scales;
  int8_t *out;
  uint32_t x_step, out_step; /* bytes from one pixel to the next */
  int32_t zero_point;
  uint32_t pixels;
  uint32_t channels; /* at most eight are written */
} row_t;

/* Two taps, added in 16 bits, and one. */
#define PAIR                   \
  "vldrb.s16 q2, [r0], #8\n\t" \
  "vldrb.s16 q3, [r1], #8\n\t" \
  "vmul.i16 q2, q2, q3\n\t"    \
  "vldrb.s16 q4, [r0], #8\n\t" \
  "vldrb.s16 q5, [r1], #8\n\t" \
  "vmul.i16 q4, q4, q5\n\t"    \
  "vadd.i16 q2, q2, q4\n\t" ADD
#define SINGLE                 \
  "vldrb.s16 q2, [r0], #8\n\t" \
  "vldrb.s16 q3, [r1], #8\n\t" \
  "vmul.i16 q2, q2, q3\n\t" ADD
#define ADD                 \
  "vmovlb.s16 q3, q2\n\t"   \
  "vmovlt.s16 q2, q2\n\t"   \
  "vadd.i32 q0, q0, q3\n\t" \
  "vadd.i32 q1, q1, q2\n\t"

/* All sums and outputs: naked, since GCC keeps too few vectors in registers. r4: inputs, r5:
 * scales, r6: weights, r7: outputs, r10 and r8: pairs and singles, r12: where the taps are summed,
 * in a loop or nine of them without; q0 and q1 are the sums, q6 and q7 the multipliers. */
static __attribute__((naked, noinline)) void sum_row(const row_t *row __attribute__((unused))) {
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, r11, r12, lr}\n\t"
      "vpush {d8-d15}\n\t"
      "mov r12, r0\n\t"
      "ldrd r4, r6, [r12]\n\t"
      "ldrd r10, r8, [r12, #8]\n\t"
      "ldrd r5, r7, [r12, #16]\n\t"
      "ldrd r2, r3, [r12, #24]\n\t"
      "ldrd r9, r11, [r12, #32]\n\t"
      "ldr r0, [r12, #40]\n\t"
      "vctp.16 r0\n\t"
      "vldrw.u32 q6, [r5, #32]\n\t"
      "vldrw.u32 q7, [r5, #48]\n\t"
      "adr.w r12, 2f\n\t"
      "adr.w r0, 6f\n\t"
      "cmp r10, #4\n\t"
      "it eq\n\t"
      "cmpeq r8, #1\n\t"
      "it eq\n\t"
      "moveq r12, r0\n\t"
      "orr r12, r12, #1\n"
      "1:\n\t"
      "vldrw.u32 q0, [r5]\n\t"
      "vldrw.u32 q1, [r5, #16]\n\t"
      "mov r0, r4\n\t"
      "mov r1, r6\n\t"
      "bx r12\n\t"
      ".balign 4\n"
      "2:\n\t"
      "wls lr, r10, 4f\n"
      "3:\n\t" PAIR
      "le lr, 3b\n"
      "4:\n\t"
      "wls lr, r8, 7f\n"
      "5:\n\t" SINGLE
      "le lr, 5b\n\t"
      "b 7f\n\t"
      ".balign 4\n"
      "6:\n\t" PAIR PAIR PAIR PAIR SINGLE
      "7:\n\t"
      "vqrdmulh.s32 q2, q0, q6\n\t"
      "vqrdmulh.s32 q3, q1, q7\n\t"
      "vshr.s32 q0, q0, #31\n\t"
      "vshr.s32 q1, q1, #31\n\t"
      "vldrw.u32 q4, [r5, #64]\n\t"
      "vadd.i32 q2, q2, q0\n\t"
      "vadd.i32 q3, q3, q1\n\t"
      "vldrw.u32 q5, [r5, #80]\n\t"
      "vrshl.s32 q2, q2, q4\n\t"
      "vrshl.s32 q3, q3, q5\n\t"
      "vqmovnb.s32 q2, q2\n\t"
      "vqmovnt.s32 q2, q3\n\t"
      "vqadd.s16 q2, q2, r9\n\t"
      "vqmovnb.s16 q2, q2\n\t"
      "vpst\n\t"
      "vstrbt.16 q2, [r7]\n\t"
      "add r4, r4, r2\n\t"
      "add r7, r7, r3\n\t"
      "subs r11, r11, #1\n\t"
      "bne.w 1b\n\t"
      "vpop {d8-d15}\n\t"
      "pop {r4, r5, r6, r7, r8, r9, r10, r11, r12, pc}");
}

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
        vstrbq_s16(to + LANES * slot, vldrbq_z_s16(column + ky * row, lanes));
      }
      to += LANES * height;
    }
  }
}

/* Puts an image row, or a row of padding, into the ring; `left` channels are left. */
static void load(const edge_convolution_t *p, const int8_t *in, uint32_t left, int32_t y,
                 uint32_t width, int8_t *to) {
  const mve_pred16_t lanes = vctp16q(left);
  const uint32_t step = (uint32_t)LANES * p->kernel_height;
  to += p->pad_left * step;
  if (y < 0 || y >= p->in_height) {
    for (; width > 0; width--, to += step) {
      vstrbq_s16(to, vdupq_n_s16(p->in_zero_point));
    }
    return;
  }
  const int8_t *from = in + (uint32_t)y * p->in_row;
  const uint32_t channels = p->in_channels;
  if (left >= LANES) {
    for (; width > 0; width--, from += channels, to += step) {
      vstrbq_s16(to, vldrbq_s16(from));
    }
    return;
  }
  for (; width > 0; width--, from += channels, to += step) {
    vstrbq_s16(to, vldrbq_z_s16(from, lanes));
  }
}

/* Biases and scales of up to eight channels. */
static scales_t find_scales(const edge_convolution_t *p, uint32_t channel) {
  scales_t s;
  for (uint32_t odd = 0; odd < 2; odd++) {
    const uint32x4_t at = vaddq_n_u32(vidupq_n_u32(0, 2), channel + odd);
    const mve_pred16_t lanes = vcmphiq_u32(vdupq_n_u32(p->out_channels), at);
    s.bias[odd] = vldrwq_gather_shifted_offset_z_s32(p->bias, at, lanes);
    s.multiplier[odd] = vldrwq_gather_shifted_offset_z_s32(p->multiplier, at, lanes);
    s.left[odd] = vnegq_s32(vldrbq_gather_offset_z_s32(p->shift, at, lanes));
  }
  return s;
}

static void eight_channels(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                           uint32_t channel, uint32_t columns, int pairs_fit, int8_t *ring) {
  const uint32_t height = p->kernel_height;
  const uint32_t taps = height * p->kernel_width;
  const mve_pred16_t lanes = vctp16q(p->out_channels - channel);
  const uint32_t room = columns - p->pad_left;
  const uint32_t width = p->in_width < room ? p->in_width : room;
  int8_t *weights = ring + LANES * columns * height;
  rotate(p, p->weights + channel, lanes, p->out_height > 1 ? height : 1, weights);
  const scales_t scales = find_scales(p, channel);
  uint32_t loaded = 0; /* rows, counted from the first one of padding */
  for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
    const uint32_t first = oy * p->stride_y;
    for (loaded = loaded < first ? first : loaded; loaded < first + height; loaded++) {
      load(p, in, p->out_channels - channel, (int32_t)loaded - p->pad_top, width,
           ring + LANES * (loaded % height));
    }
    const row_t row = {
        .x = ring,
        .weights = weights + first % height * LANES * taps,
        .pairs = pairs_fit ? taps / 2 : 0,
        .singles = pairs_fit ? taps % 2 : taps,
        .scales = &scales,
        .out = out,
        .x_step = LANES * height * p->stride_x,
        .out_step = p->out_channels,
        .zero_point = p->zero_point,
        .pixels = p->out_width,
        .channels = p->out_channels - channel,
    };
    sum_row(&row);
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
  (void)edge_mve_fill(ring, p->in_zero_point, LANES * columns * p->kernel_height);
  for (uint32_t n = 0; n < p->batches; n++) {
    for (uint32_t c = 0; c < channels; c += LANES) {
      eight_channels(p, in + c, out + c, c, columns, pairs_fit, ring);
    }
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      edge_mve_finish(out, p->out_width * channels, p->low, p->high, p->table);
    }
    in += p->in_height * p->in_row;
  }
}
