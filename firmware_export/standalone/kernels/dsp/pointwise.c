/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* A group of six pixels is widened to 16 bits in the scratch; then each output channel processes
 * it, so that a weight is read once for six products. Up to four pixels are a group of four.
 *
 * In the scratch, a group is stored as
 *     per four inputs:     even and odd bytes of pixel 0, of pixel 1, 2 ...    (2 words per pixel)
 *     per remaining one:   16 bits of pixel 0, of pixel 1, 2 ...
 */

/* What sum_six and sum_four need; the order is known to the assembly, and most members change. */
typedef struct {
  const uint32_t *x;
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *multiplier;
  const int8_t *shift;
  int8_t *out;
  uint32_t step;     /* bytes from the output of a pixel to the next pixel's */
  uint32_t channels; /* 1 or more */
  uint32_t fours;
  uint32_t ones;
  int32_t zero;    /* twice the zero point, plus 1 */
  uint32_t pixels; /* 1 or more */
} group_t;

/* Sums are in r2 to r7. r0 points to the inputs, r1 to the weights. */
#define LOAD_WEIGHTS          \
  "ldr.w lr, [r1], #4\n\t"    \
  "ldmia.w r0!, {r8-r11}\n\t" \
  "sxtb16 r12, lr\n\t"        \
  "sxtb16 lr, lr, ror #8\n\t"
#define TWO_PIXELS(a, b)      \
  "smlad " a ", r8, r12, " a  \
  "\n\t"                      \
  "smlad " b ", r10, r12, " b \
  "\n\t"                      \
  "smlad " a ", r9, lr, " a   \
  "\n\t"                      \
  "smlad " b ", r11, lr, " b "\n\t"
#define LOAD_PIXELS "ldmia.w r0!, {r8-r11}\n\t"
#define SIX                                                              \
  LOAD_WEIGHTS TWO_PIXELS("r2", "r3") LOAD_PIXELS TWO_PIXELS("r4", "r5") \
      LOAD_PIXELS TWO_PIXELS("r6", "r7")
#define FOUR LOAD_WEIGHTS TWO_PIXELS("r2", "r3") LOAD_PIXELS TWO_PIXELS("r4", "r5")

#define ONE_OF_SIX               \
  "ldrsb lr, [r1], #1\n\t"       \
  "ldmia r0!, {r8, r9, r10}\n\t" \
  "subs r12, r12, #1\n\t"        \
  "smlabb r2, lr, r8, r2\n\t"    \
  "smlabt r3, lr, r8, r3\n\t"    \
  "smlabb r4, lr, r9, r4\n\t"    \
  "smlabt r5, lr, r9, r5\n\t"    \
  "smlabb r6, lr, r10, r6\n\t"   \
  "smlabt r7, lr, r10, r7\n\t"
#define ONE_OF_FOUR           \
  "ldrsb lr, [r1], #1\n\t"    \
  "ldmia r0!, {r8, r9}\n\t"   \
  "subs r12, r12, #1\n\t"     \
  "smlabb r2, lr, r8, r2\n\t" \
  "smlabt r3, lr, r8, r3\n\t" \
  "smlabb r4, lr, r9, r4\n\t" \
  "smlabt r5, lr, r9, r5\n\t"

/* r8: multiplier, r9: shift, r10: rounding. */
#define SCALE(sum)             \
  "add " sum ", " sum ", " sum \
  "\n\t"                       \
  "smmlar lr, " sum            \
  ", r8, r10\n\t"              \
  "add lr, lr, " sum           \
  ", asr #31\n\t"              \
  "asr lr, lr, r9\n\t"         \
  "ssat lr, #8, lr\n\t"
#define FIRST_OUTPUTS \
  SCALE("r2")         \
  "strb lr, [r0]\n\t"                  \
  SCALE("r3")                          \
  "strb lr, [r0, r1]\n\t"              \
  SCALE("r4")                          \
  "strb lr, [r0, r1, lsl #1]\n\t"      \
  "add r11, r1, r1, lsl #1\n\t"        \
  "add r11, r11, r0\n\t"               \
  SCALE("r5")                          \
  "strb lr, [r11]\n\t"
#define SIX_OUTPUTS \
  FIRST_OUTPUTS     \
  SCALE("r6")       \
  "strb lr, [r0, r1, lsl #2]\n\t" SCALE("r7") "strb lr, [r11, r1, lsl #1]\n\t"

/* All output channels of a group: naked, since it needs all registers. Four times four inputs are
 * written out; a jump into them replaces a remainder. On the stack: the struct, where to enter the
 * loop, where the inputs of the loop end, and what follows it. */
#define FUNCTION(name, pixels, bytes_of_four, bytes_of_inputs, four_inputs, one_input, outputs)      \
  static __attribute__((naked, noinline)) void name(group_t *group __attribute__((unused))) {        \
    __asm__ volatile(                                                                              \
        "push {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, lr}\n\t"                     \
        "mov r12, r0\n\t"                                                                          \
        "ldrd r1, r2, [r12, #32]\n\t"                                                              \
        "ldr r0, [r12]\n\t"                                                                        \
        "mov r3, #" bytes_of_inputs "\n\t"                                                         \
        "mla r3, r1, r3, r0\n\t"                                                                   \
        "str r3, [sp, #8]\n\t"                                                                     \
        "adr.w r3, 4f\n\t"                                                                         \
        "cmp r2, #0\n\t"                                                                           \
        "it ne\n\t"                                                                                \
        "adrne.w r3, 3f\n\t"                                                                       \
        "orr r3, r3, #1\n\t"                                                                       \
        "str r3, [sp, #12]\n\t"                                                                    \
        "cbz r1, 0f\n\t"                                                                           \
        "and r4, r1, #3\n\t"                                                                       \
        "cmp r4, #0\n\t"                                                                           \
        "it eq\n\t"                                                                                \
        "moveq r4, #4\n\t"                                                                         \
        "mov r5, #" bytes_of_four "\n\t"                                                           \
        "adr.w r3, 2f\n\t"                                                                         \
        "mls r3, r4, r5, r3\n\t"                                                                   \
        "orr r3, r3, #1\n"                                                                         \
        "0:\n\t"                                                                                   \
        "str r3, [sp, #4]\n"                                                                       \
        "5:\n\t"                                                                                   \
        "ldrd r0, r1, [r12]\n\t"                                                                   \
        "ldr r8, [r12, #8]\n\t"                                                                    \
        "ldr r2, [r8], #4\n\t"                                                                     \
        "str r8, [r12, #8]\n\t"                                                                    \
        "mov r3, r2\n\t"                                                                           \
        "mov r4, r2\n\t"                                                                           \
        "mov r5, r2\n\t"                                                                           \
        "mov r6, r2\n\t"                                                                           \
        "mov r7, r2\n\t"                                                                           \
        "ldr pc, [sp, #4]\n\t"                                                                     \
        ".balign 4\n"                                                                              \
        "1:\n\t" four_inputs four_inputs four_inputs four_inputs                                   \
        "2:\n\t"                                                                                   \
        "ldr.w r8, [sp, #8]\n\t"                                                                   \
        "cmp r0, r8\n\t"                                                                           \
        "bne.w 1b\n\t"                                                                             \
        "ldr pc, [sp, #12]\n\t"                                                                    \
        ".balign 4\n"                                                                              \
        "3:\n\t"                                                                                   \
        "ldr.w r12, [sp]\n\t"                                                                      \
        "ldr.w r12, [r12, #36]\n"                                                                  \
        "6:\n\t" one_input                                                                         \
        "bne 6b\n\t"                                                                               \
        ".balign 4\n"                                                                              \
        "4:\n\t"                                                                                   \
        "ldr r12, [sp]\n\t"                                                                        \
        "ldr r0, [r12, #12]\n\t"                                                                   \
        "str r1, [r12, #4]\n\t"                                                                    \
        "ldr r8, [r0], #4\n\t"                                                                     \
        "str r0, [r12, #12]\n\t"                                                                   \
        "ldr r0, [r12, #16]\n\t"                                                                   \
        "ldr r10, [r12, #40]\n\t"                                                                  \
        "ldrsb r9, [r0], #1\n\t"                                                                   \
        "str r0, [r12, #16]\n\t"                                                                   \
        "sub r11, r9, #1\n\t"                                                                      \
        "lsl r10, r10, r11\n\t"                                                                    \
        "ldrd r0, r1, [r12, #20]\n\t"                                                              \
        "ldr r11, [r12, #44]\n\t"                                                                  \
        "cmp r11, #" pixels "\n\t"                                                                 \
        "bne 7f\n\t" outputs                                                                       \
        "8:\n\t"                                                                                   \
        "ldr r8, [r12, #28]\n\t"                                                                   \
        "ldr r0, [r12, #20]\n\t"                                                                   \
        "subs r8, r8, #1\n\t"                                                                      \
        "add r0, r0, #1\n\t"                                                                       \
        "str r8, [r12, #28]\n\t"                                                                   \
        "str r0, [r12, #20]\n\t"                                                                   \
        "bne.w 5b\n\t"                                                                             \
        "pop {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, pc}\n"                        \
        "7:\n\t" /* fewer pixels */                                                                \
        "push {r2, r3, r4, r5, r6, r7}\n\t"                                                        \
        "mov r3, sp\n"                                                                             \
        "9:\n\t"                                                                                   \
        "ldr r2, [r3], #4\n\t" SCALE("r2")                                                         \
        "strb lr, [r0]\n\t"                                                                        \
        "add r0, r0, r1\n\t"                                                                       \
        "subs r11, r11, #1\n\t"                                                                    \
        "bne 9b\n\t"                                                                               \
        "add sp, sp, #24\n\t"                                                                      \
        "b 8b"); \
  }

FUNCTION(sum_six, "6", "72", "48", SIX, ONE_OF_SIX, SIX_OUTPUTS)
FUNCTION(sum_four, "4", "52", "32", FOUR, ONE_OF_FOUR, FIRST_OUTPUTS)

uint32_t *edge_dsp_widen(const int8_t *x, uint32_t fours, uint32_t group, uint32_t *to) {
  const uint32_t step = 2 * group;
  for (; fours > 0; fours--, x += 4, to += step) {
    const uint32_t word = edge_load_word(x);
    to[0] = edge_even_bytes(word);
    to[1] = edge_odd_bytes(word);
  }
  return to;
}

void edge_dsp_widen_pixel(const int8_t *x, uint32_t depth, uint32_t group, uint32_t pixel,
                          uint32_t *block) {
  const uint32_t fours = depth / 4;
  (void)edge_dsp_widen(x, fours, group, block + 2 * pixel);
  x += 4 * fours;
  int8_t *to = (int8_t *)(block + fours * 2 * group) + 2 * pixel;
  for (uint32_t ones = depth % 4; ones > 0; ones--, to += 2 * group) {
    const int16_t value = *x++;
    memcpy(to, &value, sizeof value);
  }
}

void edge_dsp_all_channels(const edge_pointwise_t *p, const uint32_t *x, uint32_t pixels,
                           uint32_t step, int8_t *out) {
  group_t call = {
      .x = x,
      .weights = p->weights,
      .bias = p->bias,
      .multiplier = p->multiplier,
      .shift = p->shift,
      .out = out,
      .step = step,
      .channels = p->out_channels,
      .fours = p->in_channels / 4u,
      .ones = p->in_channels % 4u,
      .zero = 2 * p->zero_point + 1,
      .pixels = pixels,
  };
  if (edge_dsp_group(pixels) == EDGE_GROUP) {
    sum_six(&call);
  } else {
    sum_four(&call);
  }
}

void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch) {
  const uint32_t depth = p->in_channels;
  const uint32_t channels = p->out_channels;
  for (uint32_t row = 0; row < p->rows; row++) {
    const int8_t *x = in + row * p->in_row;
    int8_t *y = out + row * p->out_row;
    uint32_t pixels;
    for (uint32_t left = p->width; left > 0; left -= pixels) {
      pixels = left < p->group ? left : p->group;
      const uint32_t group = edge_dsp_group(pixels);
      for (uint32_t i = 0; i < pixels; i++) {
        edge_dsp_widen_pixel(x + i * depth, depth, group, i, scratch);
      }
      edge_dsp_all_channels(p, scratch, pixels, channels, y);
      edge_dsp_look_up(p->table, p->low, p->high, y, pixels * channels);
      x += pixels * depth;
      y += pixels * channels;
    }
  }
}
