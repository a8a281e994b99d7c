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

typedef char edge_row_sum_layout_1_is_known[(offsetof(edge_row_sum_t, shift) == 12 &&
                                             offsetof(edge_row_sum_t, taps) == 20 &&
                                             offsetof(edge_row_sum_t, channels) == 24 &&
                                             offsetof(edge_row_sum_t, zero_point) == 26)
                                                ? 1
                                                : -1];

/* One pixel, eight channels at a time, and those that are left over four at a time. Products of
 * eight have 16 bits, their sums 32: those of even channels are in q0, of odd ones in q1. Naked, so
 * that GCC does not save what it does not know to be free. */
static __attribute__((naked, noinline)) void sum_pixel(const edge_row_sum_t *p
                                                       __attribute__((unused)),
                                                       const int8_t *const *rows
                                                       __attribute__((unused)),
                                                       int8_t *out __attribute__((unused))) {
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
      "mov r5, r1\n\t"
      "mov r1, r2\n\t"
      "ldrh r6, [r0, #20]\n\t"
      "ldrh r7, [r0, #24]\n\t"
      "ldrsb r8, [r0, #26]\n\t"
      "ldrd r4, r9, [r0]\n\t"
      "ldrd r10, r0, [r0, #8]\n\t"
      "add r6, r5, r6, lsl #2\n\t"
      "mov r12, #0\n\t"
      "lsrs lr, r7, #3\n\t"
      "beq 5f\n"
      "3:\n\t"
      "vld20.32 {q0, q1}, [r9]\n\t"
      "vld21.32 {q0, q1}, [r9]!\n\t"
      "add r2, r4, r12\n\t"
      "mov r11, r5\n"
      "4:\n\t"
      "ldr r3, [r11], #4\n\t"
      "cmp r11, r6\n\t"
      "add r3, r3, r12\n\t"
      "vldrb.s16 q2, [r3]\n\t"
      "vldrb.s16 q3, [r2]\n\t"
      "add r2, r2, r7\n\t"
      "vmul.i16 q2, q2, q3\n\t"
      "vmovlb.s16 q3, q2\n\t"
      "vadd.i32 q0, q0, q3\n\t"
      "vmovlt.s16 q2, q2\n\t"
      "vadd.i32 q1, q1, q2\n\t"
      "bne 4b\n\t"
      "vld20.32 {q2, q3}, [r10]\n\t"
      "vld21.32 {q2, q3}, [r10]!\n\t"
      "vqrdmulh.s32 q2, q0, q2\n\t"
      "vshr.s32 q0, q0, #31\n\t"
      "vqrdmulh.s32 q3, q1, q3\n\t"
      "vshr.s32 q1, q1, #31\n\t"
      "vadd.i32 q2, q2, q0\n\t"
      "vldrb.s16 q0, [r0], #8\n\t"
      "vadd.i32 q3, q3, q1\n\t"
      "vneg.s16 q0, q0\n\t"
      "vmovlb.s16 q1, q0\n\t"
      "vmovlt.s16 q0, q0\n\t"
      "vrshl.s32 q2, q2, q1\n\t"
      "vrshl.s32 q3, q3, q0\n\t"
      "vadd.i32 q2, q2, r8\n\t"
      "vadd.i32 q3, q3, r8\n\t"
      "vqmovnb.s32 q2, q2\n\t"
      "vqmovnt.s32 q2, q3\n\t"
      "vqmovnb.s16 q2, q2\n\t"
      "vstrb.16 q2, [r1], #8\n\t"
      "add r12, r12, #8\n\t"
      "subs lr, lr, #1\n\t"
      "bne 3b\n"
      "5:\n\t"
      "ands r3, r7, #7\n\t"
      "beq 6f\n\t"
      "dlstp.32 lr, r3\n"
      "1:\n\t"
      "vldrw.u32 q0, [r9], #16\n\t"
      "add r2, r4, r12\n\t"
      "mov r11, r5\n"
      "2:\n\t"
      "ldr r3, [r11], #4\n\t"
      "cmp r11, r6\n\t"
      "add r3, r3, r12\n\t"
      "vldrb.s32 q1, [r3]\n\t"
      "vldrb.s32 q2, [r2]\n\t"
      "add r2, r2, r7\n\t"
      "vmul.i32 q1, q1, q2\n\t"
      "vadd.i32 q0, q0, q1\n\t"
      "bne 2b\n\t"
      "vldrw.u32 q1, [r10], #16\n\t"
      "vqrdmulh.s32 q1, q0, q1\n\t"
      "vldrb.s32 q2, [r0], #4\n\t"
      "vshr.s32 q0, q0, #31\n\t"
      "vneg.s32 q2, q2\n\t"
      "vadd.i32 q1, q1, q0\n\t"
      "vrshl.s32 q1, q1, q2\n\t"
      "vadd.i32 q1, q1, r8\n\t"
      "vqmovnb.s32 q1, q1\n\t"
      "vqmovnb.s16 q1, q1\n\t"
      "vstrb.32 q1, [r1], #4\n\t"
      "add r12, r12, #4\n\t"
      "letp lr, 1b\n"
      "6:\n\t"
      "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const uint32_t channels = p->channels;
  if (p->width == 1) {
    sum_pixel(p, rows, out);
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
      .outside = taps,
      .count = p->taps,
      .outside_count = 0,
      .bias = p->bias,
      .multiplier = p->multiplier,
      .shift = p->shift,
      .channels = channels,
      .pixels = p->width,
      .in_step = channels,
      .out_step = channels,
      .padding = 0,
      .zero_point = p->zero_point,
  };
  edge_mve_sum_taps(&stretch, out);
  edge_mve_finish(out, size, p->low, p->high, p->table);
}
