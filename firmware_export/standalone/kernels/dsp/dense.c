/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* Four outputs at a time: a value is read and widened once for four products. The weights of four
 * outputs are stored together, in the order in which they are used. */

#define ROWS 4

typedef struct {
  const int8_t *x;
  const int8_t *weights;
  uint32_t fours;
  int32_t sums[ROWS];
} four_rows_t;

/* r2 to r5 are the sums. */
#define ROW(sum, word)            \
  "sxtb16 r12, " word             \
  "\n\t"                          \
  "sxtb16 " word ", " word        \
  ", ror #8\n\t"                  \
  "smlad " sum ", r10, r12, " sum \
  "\n\t"                          \
  "smlad " sum ", r11, " word ", " sum "\n\t"

#define FOUR_VALUES                 \
  "ldr r11, [r0], #4\n\t"           \
  "ldmia r1!, {r6, r7, r8, r9}\n\t" \
  "sxtb16 r10, r11\n\t"             \
  "sxtb16 r11, r11, ror #8\n\t" ROW("r2", "r6") ROW("r3", "r7") ROW("r4", "r8") ROW("r5", "r9")

/* Adds the products of `fours` times four values, one or more; naked, since it needs all
 * registers. An odd number enters the loop in the middle. Moves `x` and `weights` to what is left.
 */
static __attribute__((naked, noinline)) void add_fours(four_rows_t *rows __attribute__((unused))) {
  __asm__ volatile(
      "push {r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
      "mov r12, r0\n\t"
      "ldrd r0, r1, [r12]\n\t"
      "ldr lr, [r12, #8]\n\t"
      "add r12, r12, #12\n\t"
      "ldmia r12, {r2, r3, r4, r5}\n\t"
      "tst lr, #1\n\t"
      "bne 2f\n"
      "1:\n\t" FOUR_VALUES "2:\n\t" FOUR_VALUES
      "subs lr, lr, #2\n\t"
      "bgt 1b\n\t"
      "pop {r12}\n\t"
      "strd r0, r1, [r12]\n\t"
      "add r12, r12, #12\n\t"
      "stmia r12, {r2, r3, r4, r5}\n\t"
      "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

/* Rows after the last four are stored one after the other. */
static int32_t one_row(const int8_t *x, const int8_t *w, uint32_t depth, int32_t sum) {
  for (; depth >= 4; depth -= 4, x += 4, w += 4) {
    const uint32_t values = edge_load_word(x);
    const uint32_t weights = edge_load_word(w);
    sum = edge_smlad(edge_even_bytes(values), edge_even_bytes(weights), sum);
    sum = edge_smlad(edge_odd_bytes(values), edge_odd_bytes(weights), sum);
  }
  for (; depth > 0; depth--) {
    sum += *x++ * *w++;
  }
  return sum;
}

/* See edge_scaled(); `zero` is twice the zero point, plus 1. Shifts by a register only use its
 * lowest byte: of `shifts`, the others may be there. */
static inline int8_t output(int32_t sum, int32_t multiplier, uint32_t shifts, int32_t zero) {
  int32_t value;
  __asm__(
      "lsl %[value], %[zero], %[shifts]\n\t"
      "asr %[value], %[value], #1\n\t"
      "smmlar %[value], %[twice], %[multiplier], %[value]\n\t"
      "add %[value], %[value], %[twice], asr #31\n\t"
      "asr %[value], %[value], %[shifts]\n\t"
      "ssat %[value], #8, %[value]"
      : [value] "=&r"(value)
      : [twice] "r"(sum * 2), [multiplier] "r"(multiplier), [shifts] "r"(shifts), [zero] "r"(zero));
  return (int8_t)value;
}

static inline void four_outputs(const edge_dense_t *p, uint32_t o, const int32_t *sums,
                                int8_t *out) {
  const int32_t *m = p->multiplier + o;
  const int32_t zero = 2 * p->zero_point + 1;
  const uint32_t shifts = edge_load_word(p->shift + o);
  out[0] = output(sums[0], m[0], shifts, zero);
  out[1] = output(sums[1], m[1], shifts >> 8, zero);
  out[2] = output(sums[2], m[2], shifts >> 16, zero);
  out[3] = output(sums[3], m[3], shifts >> 24, zero);
}

void edge_dense(const edge_dense_t *p, const int8_t *in, int8_t *out) {
  const uint32_t depth = p->in_channels;
  const int8_t *w = p->weights;
  uint32_t o = 0;
  for (; o + ROWS <= p->out_channels; o += ROWS) {
    four_rows_t rows = {.x = in, .weights = w, .fours = depth / 4};
    memcpy(rows.sums, p->bias + o, sizeof rows.sums);
    if (depth >= 4) {
      add_fours(&rows);
    }
    for (uint32_t left = depth % 4; left > 0; left--) {
      for (uint32_t i = 0; i < ROWS; i++) {
        rows.sums[i] += *rows.x * *rows.weights++;
      }
      rows.x++;
    }
    w = rows.weights;
    four_outputs(p, o, rows.sums, out + o);
  }
  for (; o < p->out_channels; o++, w += depth) {
    const int32_t sum = one_row(in, w, depth, p->bias[o]);
    out[o] = output(sum, p->multiplier[o], (uint32_t)p->shift[o], 2 * p->zero_point + 1);
  }
  edge_dsp_look_up(p->table, p->low, p->high, out, p->out_channels);
}
