/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* Four outputs at a time: a value is read and widened once for four products. */

#define ROWS 4
#define RUN 16

typedef struct {
  const int8_t *x;
  const int8_t *weights;
  uint32_t runs;
  int32_t sums[ROWS];
} four_rows_t;

/* Adds the products of one row with eight values, which are in r6 to r9; `at` is where their
 * weights are. */
#define ROW(sum, at)             \
  "ldrd r10, r11, [r1, #" at     \
  "]\n\t"                        \
  "sxtb16 r12, r10\n\t"          \
  "sxtb16 r10, r10, ror #8\n\t"  \
  "smlad " sum ", r6, r12, " sum \
  "\n\t"                         \
  "smlad " sum ", r7, r10, " sum \
  "\n\t"                         \
  "sxtb16 r12, r11\n\t"          \
  "sxtb16 r11, r11, ror #8\n\t"  \
  "smlad " sum ", r8, r12, " sum \
  "\n\t"                         \
  "smlad " sum ", r9, r11, " sum "\n\t"

/* r2 to r5 are the sums. */
#define EIGHT_VALUES(at0, at1, at2, at3) \
  "ldr r7, [r0], #4\n\t"                 \
  "ldr r9, [r0], #4\n\t"                 \
  "sxtb16 r6, r7\n\t"                    \
  "sxtb16 r7, r7, ror #8\n\t"            \
  "sxtb16 r8, r9\n\t"                    \
  "sxtb16 r9, r9, ror #8\n\t" ROW("r2", at0) ROW("r3", at1) ROW("r4", at2) ROW("r5", at3)

/* Adds the products of `runs` times 16 values, one or more; naked, since it needs all registers.
 * Moves `x` and `weights` to what is left. LDRD needs addresses that are multiples of 4: arrays of
 * weights begin at one, and four rows take a multiple of 4 bytes. */
static __attribute__((naked, noinline)) void add_runs(four_rows_t *rows __attribute__((unused))) {
  __asm__ volatile(
      "push {r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
      "mov r12, r0\n\t"
      "ldrd r0, r1, [r12]\n\t"
      "ldr lr, [r12, #8]\n\t"
      "add r12, r12, #12\n\t"
      "ldmia r12, {r2, r3, r4, r5}\n"
      "1:\n\t" EIGHT_VALUES("0", "16", "32", "48") EIGHT_VALUES("8", "24", "40", "56")
      "add r1, r1, #64\n\t"
      "subs lr, lr, #1\n\t"
      "bgt 1b\n\t"
      "pop {r12}\n\t"
      "strd r0, r1, [r12]\n\t"
      "add r12, r12, #12\n\t"
      "stmia r12, {r2, r3, r4, r5}\n\t"
      "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

/* What is not part of a run of four rows. */
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

static int8_t output(const edge_dense_t *p, uint32_t o, int32_t sum) {
  const edge_scale_t scale = edge_scale(p->multiplier[o], p->shift[o], p->zero_point);
  return (int8_t)edge_scaled(sum * 2, scale);
}

void edge_dense(const edge_dense_t *p, const int8_t *in, int8_t *out) {
  const uint32_t depth = p->in_channels;
  const int8_t *w = p->weights;
  uint32_t o = 0;
  for (; o + ROWS <= p->out_channels; o += ROWS) {
    four_rows_t rows = {.x = in, .weights = w, .runs = depth / RUN};
    memcpy(rows.sums, p->bias + o, sizeof rows.sums);
    if (depth >= RUN) {
      add_runs(&rows);
    }
    const uint32_t rest = depth % RUN;
    if (rest > 0) {
      for (uint32_t i = 0; i < ROWS; i++, rows.weights += rest) {
        rows.sums[i] = one_row(rows.x, rows.weights, rest, rows.sums[i]);
      }
    }
    w = rows.weights;
    out[o] = output(p, o, rows.sums[0]);
    out[o + 1] = output(p, o + 1, rows.sums[1]);
    out[o + 2] = output(p, o + 2, rows.sums[2]);
    out[o + 3] = output(p, o + 3, rows.sums[3]);
  }
  for (; o < p->out_channels; o++, w += depth) {
    out[o] = output(p, o, one_row(in, w, depth, p->bias[o]));
  }
  edge_dsp_look_up(p->table, p->low, p->high, out, p->out_channels);
}
