/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "edge_dsp.h"

/* r2 to r5 are the sums, r11 the channel, lr the number of channels. */
#define PRODUCTS(x, weights)    \
  "sxtb16 r10, " x              \
  "\n\t"                        \
  "sxtb16 r12, " weights        \
  "\n\t"                        \
  "smlabb r2, r10, r12, r2\n\t" \
  "smlatt r4, r10, r12, r4\n\t" \
  "sxtb16 r10, " x              \
  ", ror #8\n\t"                \
  "sxtb16 r12, " weights        \
  ", ror #8\n\t"                \
  "smlabb r3, r10, r12, r3\n\t" \
  "smlatt r5, r10, r12, r5\n\t"
/* See edge_scaled(). Shifts by a register only use its lowest byte: of r1, the shifts of what is
 * left, less 1, which SSAT adds. r0 points to the outputs, r6 is `zero`. */
#define OUTPUT(sum, multiplier, at, sign)             \
  "lsl r12, r6, r1\n\t"                               \
  "add " sum ", " sum ", " sum                        \
  "\n\t"                                              \
  "smmlar r12, " sum ", " multiplier ", r12\n\t" sign \
  "asr r12, r12, r1\n\t"                              \
  "ssat r12, #8, r12, asr #1\n\t"                     \
  "strb r12, [r0, #" at "]\n\t"
#define SIGN_OF(sum) "add r12, r12, " sum ", asr #31\n\t"
/* With the zero point at -128: see d. in edge_dsp.h. */
#define NO_SIGN(sum) ""
#define FOUR_OUTPUTS(sign)            \
  OUTPUT("r2", "r7", "0", sign("r2")) \
  "lsr r1, r1, #8\n\t" OUTPUT("r3", "r8", "1", sign("r3"))  \
  "lsr r1, r1, #8\n\t" OUTPUT("r4", "r9", "2", sign("r4"))  \
  "lsr r1, r1, #8\n\t" OUTPUT("r5", "r10", "3", sign("r5")) \
  "add r11, r11, #4\n\t"                                    \
  "add r12, r11, #4\n\t"                                    \
  "cmp r12, lr\n\t"                                         \
  "bls 1b\n\t"                                              \
  "add sp, sp, #32\n\t"                                     \
  "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n\t"

/* The channels of one pixel, four or more: four at a time, and two taps at a time; naked, since it
 * needs all registers. Those that are left over are not computed. On the stack:
 *      0  rows, weights, taps, bias
 *     16  multipliers, shifts, twice the zero point plus 1, outputs
 */
static __attribute__((naked, noinline)) void four_lanes(const edge_row_sum_t *p
                                                        __attribute__((unused)),
                                                        const int8_t *const *rows
                                                        __attribute__((unused)),
                                                        int8_t *out __attribute__((unused))) {
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
      "ldrh r5, [r0, %[taps]]\n\t"
      "ldrh lr, [r0, %[channels]]\n\t"
      "ldrsb r9, [r0, %[zero_point]]\n\t"
      "ldmia r0, {r4, r6, r7, r8}\n\t"
      "mov r3, r1\n\t"
      "mov r10, r2\n\t"
      "lsl r9, r9, #1\n\t"
      "add r9, r9, #1\n\t"
      "push {r3, r4, r5, r6, r7, r8, r9, r10}\n\t"
      "mov r11, #0\n"
      "1:\n\t"
      "ldmia sp, {r0, r1, r6, r7}\n\t"
      "add r7, r7, r11, lsl #2\n\t"
      "add r1, r1, r11\n\t"
      "ldmia r7, {r2, r3, r4, r5}\n\t"
      "lsrs r6, r6, #1\n\t"
      "bcc 2f\n\t"
      "ldr r7, [r0], #4\n\t"
      "ldr r8, [r1]\n\t"
      "ldr r7, [r7, r11]\n\t"
      "add r1, r1, lr\n\t" PRODUCTS("r7", "r8")
      "2:\n\t"
      "beq 4f\n"
      "3:\n\t"
      "ldrd r7, r9, [r0], #8\n\t"
      "subs r6, r6, #1\n\t"
      "ldr r8, [r1]\n\t"
      "ldr r7, [r7, r11]\n\t" PRODUCTS("r7", "r8")
      "ldr r8, [r1, lr]\n\t"
      "ldr r7, [r9, r11]\n\t"
      "add r1, r1, lr, lsl #1\n\t" PRODUCTS("r7", "r8")
      "bne 3b\n"
      "4:\n\t"
      "add r12, sp, #16\n\t"
      "ldmia r12, {r0, r1, r6, r12}\n\t"
      "add r0, r0, r11, lsl #2\n\t"
      "ldmia r0, {r7, r8, r9, r10}\n\t"
      "ldr r1, [r1, r11]\n\t"
      "add r0, r12, r11\n\t"
      "sub r1, r1, #0x01010101\n\t"
      "cmn r6, #255\n\t"
      "bne 5f\n\t" FOUR_OUTPUTS(NO_SIGN) "5:\n\t" FOUR_OUTPUTS(SIGN_OF)
      :
      : [taps] "i"(offsetof(edge_row_sum_t, taps)),
        [channels] "i"(offsetof(edge_row_sum_t, channels)),
        [zero_point] "i"(offsetof(edge_row_sum_t, zero_point)));
}

static void one_pixel(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const uint32_t channels = p->channels;
  if (channels >= 4) {
    four_lanes(p, rows, out);
  }
  for (uint32_t c = channels & ~UINT32_C(3); c < channels; c++) {
    int32_t sum = p->bias[c];
    for (uint32_t k = 0; k < p->taps; k++) {
      sum += rows[k][c] * p->weights[k * channels + c];
    }
    const edge_scale_t scale = edge_scale(p->multiplier[c], p->shift[c], p->zero_point);
    out[c] = (int8_t)edge_scaled(sum * 2, scale);
  }
}

static void many_pixels(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  const edge_taps_t taps = {
      .rows = rows,
      .weights = p->weights,
      .window = p->weights,
      .bias = p->bias,
      .multiplier = p->multiplier,
      .shift = p->shift,
      .out = out,
      .row_count = p->taps,
      .columns = 1,
      .weights_row = p->channels,
      .column_step = 0,
      .window_size = p->taps,
      .channels = p->channels,
      .pixels = p->width,
      .in_step = p->channels,
      .in_zero_point = 0,
      .zero_point = p->zero_point,
  };
  edge_dsp_window_sum(&taps);
}

void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out) {
  if (p->width == 1) {
    one_pixel(p, rows, out);
  } else {
    many_pixels(p, rows, out);
  }
  if (p->table || p->low > -128 || p->high < 127) {
    edge_dsp_look_up(p->table, p->low, p->high, out, (uint32_t)p->width * p->channels);
  }
}
