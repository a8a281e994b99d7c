/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes are pixels; see edge_mve.h. */
#include "edge_kernels.h"
#include "edge_mve.h"

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

/* What sum_short and sum_middle need; the order is known to the assembly. They process pixels in
 * groups and channels in blocks; a last block that is not full begins earlier. */
typedef struct {
  const int8_t *x;
  int8_t *out;
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *multiplier;
  const int8_t *shift;
  uint32_t depth;
  int32_t zero_point;
  uint32_t steps[3]; /* from the values of a group's pixel to those of the next */
  uint32_t blocks;   /* that are full, 1 or more */
  uint32_t back;     /* channels from the end of the full blocks back to the last block, or 0 */
  uint32_t groups;
  uint32_t out_group; /* bytes from a group's outputs to the next group's */
  uint16_t places[8]; /* of a block's outputs */
} blocks_t;

#define SHORT_DEPTH 16
#define SHORT_PIXELS 4
#define SHORT_CHANNELS 2
#define MIDDLE_DEPTH 32
#define MIDDLE_PIXELS 2
#define MIDDLE_CHANNELS 4

/* At most 16 values per pixel: those of four pixels stay in registers, q0 to q3. Two channels at a
 * time, which are even and odd 16-bit lanes in the end. Naked, since it needs nearly all
 * registers. */
static __attribute__((naked, noinline)) void sum_short(blocks_t *p __attribute__((unused))) {
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, r11, r12, lr}\n\t"
      "vpush {d8-d15}\n\t"
      "mov r12, r0\n\t"
      "ldrd r8, r10, [r12, #24]\n\t"
      "add r0, r12, #60\n\t"
      "vldrh.u16 q7, [r0]\n\t"
      "vctp.8 r8\n"
      "1:\n\t"
      "ldr r1, [r12]\n\t"
      "ldrd r2, r3, [r12, #32]\n\t"
      "ldrd r4, lr, [r12, #40]\n\t"
      "vpst\n\t"
      "vldrbt.u8 q0, [r1]\n\t"
      "add r1, r1, r2\n\t"
      "vpst\n\t"
      "vldrbt.u8 q1, [r1]\n\t"
      "add r1, r1, r3\n\t"
      "vpst\n\t"
      "vldrbt.u8 q2, [r1]\n\t"
      "add r1, r1, r4\n\t"
      "vpst\n\t"
      "vldrbt.u8 q3, [r1]\n\t"
      "add r1, r1, r8\n\t"
      "str r1, [r12]\n\t"
      "ldrd r9, r1, [r12, #4]\n\t"
      "ldrd r3, r5, [r12, #12]\n\t"
      "ldr r0, [r12, #56]\n\t"
      "ldr r7, [r12, #20]\n\t"
      "ldr r11, [r12, #48]\n\t"
      "add r0, r0, r9\n\t"
      "str r0, [r12, #4]\n\t"
      "dls lr, lr\n"
      "2:\n\t"
      "add r2, r1, r8\n\t"
      "vpstt\n\t"
      "vldrbt.u8 q4, [r1]\n\t"
      "vldrbt.u8 q5, [r2]\n\t"
      "add r1, r2, r8\n\t"
      "vmladav.s8 r0, q0, q4\n\t"
      "vmladav.s8 r2, q1, q4\n\t"
      "vmladav.s8 r4, q2, q4\n\t"
      "vmladav.s8 r6, q3, q4\n\t"
      "vmov d12, r0, r2\n\t"
      "vmov d13, r4, r6\n\t"
      "vmladav.s8 r0, q0, q5\n\t"
      "vmladav.s8 r2, q1, q5\n\t"
      "vmladav.s8 r4, q2, q5\n\t"
      "vmladav.s8 r6, q3, q5\n\t"
      "vmov d8, r0, r2\n\t"
      "vmov d9, r4, r6\n\t"
      "ldrd r0, r2, [r3], #8\n\t"
      "ldrd r4, r6, [r5], #8\n\t"
      "vadd.i32 q6, q6, r0\n\t"
      "ldrsb r0, [r7], #1\n\t"
      "vadd.i32 q4, q4, r2\n\t"
      "ldrsb r2, [r7], #1\n\t"
      "vshr.s32 q5, q6, #31\n\t"
      "rsb r0, r0, #0\n\t"
      "vqrdmlah.s32 q5, q6, r4\n\t"
      "rsb r2, r2, #0\n\t"
      "vshr.s32 q6, q4, #31\n\t"
      "vqrdmlah.s32 q6, q4, r6\n\t"
      "vrshl.s32 q5, r0\n\t"
      "vrshl.s32 q6, r2\n\t"
      "vqmovnb.s32 q5, q5\n\t"
      "vqmovnt.s32 q5, q6\n\t"
      "vqadd.s16 q5, q5, r10\n\t"
      "vqmovnb.s16 q5, q5\n\t"
      "vstrb.16 q5, [r9, q7]\n\t"
      "add r9, r9, #2\n\t"
      "le lr, 2b\n\t"
      "cmp r11, #0\n\t"
      "beq 3f\n\t"
      "mls r1, r11, r8, r1\n\t"
      "sub r3, r3, r11, lsl #2\n\t"
      "sub r5, r5, r11, lsl #2\n\t"
      "sub r7, r7, r11\n\t"
      "sub r9, r9, r11\n\t"
      "mov r11, #0\n\t"
      "mov lr, #1\n\t"
      "b 2b\n"
      "3:\n\t"
      "ldr r0, [r12, #52]\n\t"
      "subs r0, r0, #1\n\t"
      "str r0, [r12, #52]\n\t"
      "bne.w 1b\n\t"
      "vpop {d8-d15}\n\t"
      "pop {r4, r5, r6, r7, r8, r9, r10, r11, r12, pc}");
}

/* 16 to 32 values per pixel: those of two pixels stay in registers, q0 to q3. Four channels at a
 * time: lanes are channels, and pixels are even and odd 16-bit lanes in the end. */
static __attribute__((naked, noinline)) void sum_middle(blocks_t *p __attribute__((unused))) {
#define CHANNEL(first, second)  \
  "vldrb.u8 q4, [r1]\n\t"       \
  "vmladav.s8 " first           \
  ", q0, q4\n\t"                \
  "vmladav.s8 " second          \
  ", q2, q4\n\t"                \
  "vpst\n\t"                    \
  "vldrbt.u8 q4, [r1, #16]\n\t" \
  "add r1, r1, r8\n\t"          \
  "vmladava.s8 " first          \
  ", q1, q4\n\t"                \
  "vmladava.s8 " second ", q3, q4\n\t"
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, r11, r12, lr}\n\t"
      "vpush {d8-d15}\n\t"
      "mov r12, r0\n\t"
      "ldrd r8, r10, [r12, #24]\n\t"
      "add r0, r12, #60\n\t"
      "vldrh.u16 q7, [r0]\n\t"
      "sub r0, r8, #16\n\t"
      "vctp.8 r0\n"
      "1:\n\t"
      "ldr r1, [r12]\n\t"
      "ldr r2, [r12, #32]\n\t"
      "ldrd lr, r11, [r12, #44]\n\t"
      "add r2, r2, r1\n\t"
      "vldrb.u8 q0, [r1]\n\t"
      "vldrb.u8 q2, [r2]\n\t"
      "vpstt\n\t"
      "vldrbt.u8 q1, [r1, #16]\n\t"
      "vldrbt.u8 q3, [r2, #16]\n\t"
      "add r2, r2, r8\n\t"
      "str r2, [r12]\n\t"
      "ldrd r9, r1, [r12, #4]\n\t"
      "ldrd r3, r5, [r12, #12]\n\t"
      "ldr r0, [r12, #56]\n\t"
      "ldr r7, [r12, #20]\n\t"
      "add r0, r0, r9\n\t"
      "str r0, [r12, #4]\n\t"
      "dls lr, lr\n"
      "2:\n\t"
      CHANNEL("r0", "r2")
      CHANNEL("r4", "r6")
      "vmov d10, r0, r4\n\t"
      "vmov d12, r2, r6\n\t"
      CHANNEL("r0", "r2")
      CHANNEL("r4", "r6")
      "vmov d11, r0, r4\n\t"
      "vmov d13, r2, r6\n\t"
      "vldrw.u32 q4, [r3], #16\n\t"
      "vadd.i32 q5, q5, q4\n\t"
      "vadd.i32 q6, q6, q4\n\t"
      "vldrw.u32 q4, [r5], #16\n\t"
      "vqrdmulh.s32 q5, q5, q4\n\t"
      "vqrdmulh.s32 q6, q6, q4\n\t"
      "vshr.s32 q4, q5, #31\n\t"
      "vadd.i32 q5, q5, q4\n\t"
      "vshr.s32 q4, q6, #31\n\t"
      "vadd.i32 q6, q6, q4\n\t"
      "vldrb.s32 q4, [r7], #4\n\t"
      "vneg.s32 q4, q4\n\t"
      "vrshl.s32 q5, q5, q4\n\t"
      "vrshl.s32 q6, q6, q4\n\t"
      "vqmovnb.s32 q5, q5\n\t"
      "vqmovnt.s32 q5, q6\n\t"
      "vqadd.s16 q5, q5, r10\n\t"
      "vqmovnb.s16 q5, q5\n\t"
      "vstrb.16 q5, [r9, q7]\n\t"
      "add r9, r9, #4\n\t"
      "le lr, 2b\n\t"
      "cmp r11, #0\n\t"
      "beq 3f\n\t"
      "mls r1, r11, r8, r1\n\t"
      "sub r3, r3, r11, lsl #2\n\t"
      "sub r5, r5, r11, lsl #2\n\t"
      "sub r7, r7, r11\n\t"
      "sub r9, r9, r11\n\t"
      "mov r11, #0\n\t"
      "mov lr, #1\n\t"
      "b 2b\n"
      "3:\n\t"
      "ldr r0, [r12, #52]\n\t"
      "subs r0, r0, #1\n\t"
      "str r0, [r12, #52]\n\t"
      "bne.w 1b\n\t"
      "vpop {d8-d15}\n\t"
      "pop {r4, r5, r6, r7, r8, r9, r10, r11, r12, pc}");
#undef CHANNEL
}

/* Whether there are too few channels for a block, or offsets of outputs exceed 16 bits. */
static inline int needs_four(const edge_pointwise_t *p, uint32_t step) {
  const uint32_t block = p->in_channels <= SHORT_DEPTH ? SHORT_CHANNELS : MIDDLE_CHANNELS;
  return p->in_channels > MIDDLE_DEPTH || p->out_channels < block || step > UINT16_MAX / 4;
}

/* Not inlined, which would keep vectors in memory across calls. */
static __attribute__((noinline)) void set_places(blocks_t *blocks, int is_short, uint32_t pixels,
                                                 uint32_t step) {
  const uint16x8_t lanes = vidupq_n_u16(0, 1);
  const uint16x8_t half = vshrq_n_u16(lanes, 1);
  const uint16x8_t odd = vandq_u16(lanes, vdupq_n_u16(1));
  const uint16x8_t pixel = vminq_u16(is_short ? half : odd, vdupq_n_u16((uint16_t)(pixels - 1)));
  vst1q_u16(blocks->places, vmlaq_n_u16(is_short ? odd : half, pixel, (uint16_t)step));
}

/* Pixels without gaps, 1 or more; outputs are `step` bytes apart. */
static __attribute__((noinline)) void sum_blocks(const edge_pointwise_t *p, const int8_t *x,
                                                 uint32_t pixels, uint32_t step, int8_t *out) {
  const uint32_t depth = p->in_channels;
  const uint32_t channels = p->out_channels;
  const int is_short = depth <= SHORT_DEPTH;
  const uint32_t group = is_short ? SHORT_PIXELS : MIDDLE_PIXELS;
  const uint32_t block = is_short ? SHORT_CHANNELS : MIDDLE_CHANNELS;
  const uint32_t rest = channels & (block - 1);
  blocks_t blocks; /* an initializer would first clear all of it */
  blocks.x = x;
  blocks.out = out;
  blocks.weights = p->weights;
  blocks.bias = p->bias;
  blocks.multiplier = p->multiplier;
  blocks.shift = p->shift;
  blocks.depth = depth;
  blocks.zero_point = p->zero_point;
  blocks.blocks = is_short ? channels / SHORT_CHANNELS : channels / MIDDLE_CHANNELS;
  blocks.back = rest > 0 ? block - rest : 0;
  blocks.out_group = group * step;
  while (pixels > 0) {
    /* Instead of missing pixels, the last one is processed again. */
    const uint32_t count = pixels < group ? pixels : group;
    for (uint32_t i = 0; i < 3; i++) {
      blocks.steps[i] = i + 1 < count ? depth : 0;
    }
    set_places(&blocks, is_short, count, step);
    blocks.groups = count == group ? pixels / group : 1;
    pixels -= blocks.groups * count;
    if (is_short) {
      sum_short(&blocks);
    } else {
      sum_middle(&blocks);
    }
  }
}

/* Up to four pixels, of any number of values and channels. */
static __attribute__((noinline)) void sum_any(const edge_pointwise_t *p, const int8_t *x,
                                              uint32_t pixels, uint32_t step, int8_t *out) {
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

void edge_mve_dot(const edge_pointwise_t *p, const int8_t *x, uint32_t pixels, uint32_t step,
                  int8_t *out) {
  if (needs_four(p, step)) {
    sum_any(p, x, pixels, step, out);
  } else {
    sum_blocks(p, x, pixels, step, out);
  }
}

/* A row of pixels. Outputs may overwrite them: then four are saved first. */
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

/* Whether a row of inputs and one of outputs share memory. */
static int overlap(const edge_pointwise_t *p, const int8_t *in, const int8_t *out) {
  const uint32_t width = p->width;
  return out < in + width * p->in_channels && in < out + width * p->out_channels;
}

void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch) {
  for (uint32_t row = 0; row < p->rows; row++, in += p->in_row, out += p->out_row) {
    /* Of short pixels, a group is read before anything is written. */
    if (!needs_four(p, p->out_channels) &&
        (p->in_channels <= SHORT_DEPTH || !overlap(p, in, out))) {
      sum_blocks(p, in, p->width, p->out_channels, out);
    } else {
      long_row(p, in, out, scratch);
    }
    const uint32_t size = (uint32_t)p->width * p->out_channels;
    edge_mve_finish(out, size, p->low, p->high, p->table);
  }
}
