/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* A group of six pixels is widened to 16 bits in the scratch; then each output channel processes
 * it, so that a weight is read once for six products. Up to four pixels are a group of four.
 *
 * In the scratch, a group is stored as
 *     per four inputs:     even and odd bytes of pixel 0, of pixel 1, 2 ...    (2 words per pixel)
 *     per remaining one:   16 bits of pixel 0, of pixel 1, 2 ...
 *
 * If weights are stored for pairs of channels (see edge_kernels.h), three pixels are a group:
 *     per four inputs:     even bytes of pixels 0, 1 and 2, then odd bytes
 * Both channels use each word that is loaded: 25 cycles for 24 products on a Cortex-M4, not 31.
 */

/* What sum_six and sum_four need; the order is known to the assembly. */
typedef struct {
  int8_t *out;
  const int8_t *shift;
  const int32_t *bias;
  const uint32_t *x;
  uint32_t step;        /* bytes from the output of a pixel to the next pixel's */
  uint32_t multipliers; /* bytes from a channel's bias to its multiplier */
  int32_t zero;         /* 2^14 for POSITIVE, else twice the zero point, plus 1 */
  const int8_t *weights;
  uint32_t fours;
  uint32_t ones;
  uint32_t channels; /* 1 or more */
  uint32_t kind;
  uint32_t pixels; /* 1 or more */
} group_t;

/* How sums become outputs. */
enum { POSITIVE, ANY, FEWER };

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

/* The first four inputs, added to the bias, which is in the place of the last sum. */
#define FIRST_TWO(a, b, bias)    \
  "smlad " a ", r8, r12, " bias  \
  "\n\t"                         \
  "smlad " b ", r10, r12, " bias \
  "\n\t"                         \
  "smlad " a ", r9, lr, " a      \
  "\n\t"                         \
  "smlad " b ", r11, lr, " b "\n\t"
#define FIRST_OF_SIX                                                               \
  LOAD_WEIGHTS FIRST_TWO("r2", "r3", "r7") LOAD_PIXELS FIRST_TWO("r4", "r5", "r7") \
      LOAD_PIXELS FIRST_TWO("r6", "r7", "r7")
#define FIRST_OF_FOUR \
  LOAD_WEIGHTS FIRST_TWO("r2", "r3", "r5") LOAD_PIXELS FIRST_TWO("r4", "r5", "r5")

#define BIASES_OF_SIX \
  "mov r2, r7\n\t"    \
  "mov r3, r7\n\t"    \
  "mov r4, r7\n\t"    \
  "mov r5, r7\n\t"    \
  "mov r6, r7\n\t"
#define BIASES_OF_FOUR \
  "mov r2, r5\n\t"     \
  "mov r3, r5\n\t"     \
  "mov r4, r5\n\t"

/* Of the next channel: r0 is the place of its first output, r10 the shift, r11 the step, r12 the
 * multiplier, lr `zero`. */
#define NEXT_CHANNEL                              \
  "ldmia sp, {r0, r8, r9, r10, r11, r12, lr}\n\t" \
  "ldr r12, [r9, r12]\n\t"                        \
  "add r9, r9, #4\n\t"                            \
  "ldrsb r10, [r8], #1\n\t"                       \
  "add r0, r0, #1\n\t"                            \
  "stmia sp, {r0, r8, r9}\n\t"

/* See e. in edge_dsp.h. r8: rounding, r9: the shift of the sum, r10: place of the fourth output. */
#define POSITIVE_SCALE           \
  "lsr r8, lr, r10\n\t"          \
  "sub r8, r8, #0x3FC000\n\t"    \
  "rsb r9, r10, #16\n\t"         \
  "add r10, r0, r11, lsl #1\n\t" \
  "add r10, r10, r11\n\t"
#define POSITIVE_OUTPUT(sum) \
  "lsl " sum ", " sum        \
  ", r9\n\t"                 \
  "smmla lr, " sum           \
  ", r12, r8\n\t"            \
  "ssat lr, #8, lr, asr #15\n\t"

/* r8: rounding, r9: place of the fourth output. */
#define ANY_SCALE               \
  "lsl r8, lr, r10\n\t"         \
  "asr r8, r8, #1\n\t"          \
  "add r9, r0, r11, lsl #1\n\t" \
  "add r9, r9, r11\n\t"
#define ANY_OUTPUT(sum)        \
  "add " sum ", " sum ", " sum \
  "\n\t"                       \
  "smmlar lr, " sum            \
  ", r12, r8\n\t"              \
  "add lr, lr, " sum           \
  ", asr #31\n\t"              \
  "asr lr, lr, r10\n\t"        \
  "ssat lr, #8, lr\n\t"

#define FOUR_OUTPUTS(OUTPUT, fourth)                                \
  OUTPUT("r2")                                                      \
  "strb lr, [r0]\n\t" OUTPUT("r3") "strb lr, [r0, r11]\n\t" OUTPUT( \
      "r4") "strb lr, [r0, r11, lsl #1]\n\t" OUTPUT("r5") "strb lr, [" fourth "]\n\t"
#define SIX_OUTPUTS(OUTPUT, fourth) \
  FOUR_OUTPUTS(OUTPUT, fourth)      \
  OUTPUT("r6")                      \
  "strb lr, [r0, r11, lsl #2]\n\t" OUTPUT("r7") "strb lr, [" fourth ", r11, lsl #1]\n\t"

#define NEXT              \
  "ldr r8, [sp, #44]\n\t" \
  "cmp r0, r8\n\t"        \
  "bne.w 1b\n\t"          \
  "add sp, sp, #60\n\t"   \
  "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n\t"

/* All output channels of a group: naked, since it needs all registers. Four times four inputs are
 * written out; a jump into them replaces a remainder. On the stack:
 *      0  the first seven members of the struct, with the place before the next output
 *     28  where the inputs of the loop end
 *     32  where to enter the loop
 *     36  what follows it
 *     40  how sums become outputs
 *     44  the place of the last output of the first pixel
 *     48  ones, pixels
 *     56  where to go after the first four inputs
 */
/* clang-format off */
#define FUNCTION(name, bytes_of_four, bytes_of_inputs, last, biases, first_inputs, four_inputs, \
                 one_input, outputs)                                                            \
  static __attribute__((naked, noinline)) void name(const group_t *group                        \
                                                    __attribute__((unused))) {                  \
    __asm__ volatile( \
        "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t" \
        "sub sp, sp, #60\n\t" \
        "mov r12, r0\n\t" \
        "ldmia r12!, {r0, r1, r2, r3, r4, r5, r6}\n\t" \
        "sub r0, r0, #1\n\t" \
        "stmia sp, {r0, r1, r2, r3, r4, r5, r6}\n\t" \
        "ldmia r12, {r1, r2, r4, r5, r6, r7}\n\t" \
        "add r0, r0, r5\n\t" \
        "mov r5, #" bytes_of_inputs "\n\t" \
        "mla r3, r2, r5, r3\n\t" \
        "str r0, [sp, #44]\n\t" \
        "strd r4, r7, [sp, #48]\n\t" \
        "adr.w r5, 4f\n\t" \
        "adr.w r7, 5f\n\t" \
        "adr.w r8, 6f\n\t" \
        "cmp r6, #1\n\t" \
        "it eq\n\t" \
        "moveq r5, r7\n\t" \
        "it hi\n\t" \
        "movhi r5, r8\n\t" \
        "orr r5, r5, #1\n\t" \
        "adr.w r7, 3f\n\t" \
        "orr r7, r7, #1\n\t" \
        "cmp r4, #0\n\t" \
        "it eq\n\t" \
        "moveq r7, r5\n\t" \
        "strd r7, r5, [sp, #36]\n\t" \
        "adr.w r8, 0f\n\t" \
        "cbz r2, 8f\n\t" \
        "adr.w r8, 10f\n\t" \
        "subs r2, r2, #1\n\t" \
        "beq 8f\n\t" \
        "and r4, r2, #3\n\t" \
        "cmp r4, #0\n\t" \
        "it eq\n\t" \
        "moveq r4, #4\n\t" \
        "mov r5, #" bytes_of_four "\n\t" \
        "adr.w r7, 2f\n\t" \
        "mls r7, r4, r5, r7\n\t" \
        "orr r7, r7, #1\n" \
        "8:\n\t" \
        "orr r8, r8, #1\n\t" \
        "strd r3, r8, [sp, #28]\n\t" \
        "str r7, [sp, #56]\n" \
        "1:\n\t" \
        "ldrd r8, r0, [sp, #8]\n\t" \
        "ldr " last ", [r8]\n\t" \
        "ldr pc, [sp, #32]\n\t" \
        ".balign 4\n" \
        "0:\n\t" biases \
        "ldr pc, [sp, #56]\n\t" \
        ".balign 4\n" \
        "10:\n\t" first_inputs \
        "ldr pc, [sp, #56]\n\t" \
        ".balign 4\n" \
        "7:\n\t" four_inputs four_inputs four_inputs four_inputs \
        "2:\n\t" \
        "ldr r8, [sp, #28]\n\t" \
        "cmp r0, r8\n\t" \
        "bne.w 7b\n\t" \
        "ldr pc, [sp, #36]\n\t" \
        ".balign 4\n" \
        "3:\n\t" \
        "ldr r12, [sp, #48]\n" \
        "8:\n\t" one_input \
        "bne 8b\n\t" \
        "ldr pc, [sp, #40]\n\t" \
        ".balign 4\n" \
        "4:\n\t" NEXT_CHANNEL POSITIVE_SCALE outputs(POSITIVE_OUTPUT, "r10") NEXT \
        ".balign 4\n" \
        "5:\n\t" NEXT_CHANNEL ANY_SCALE outputs(ANY_OUTPUT, "r9") NEXT \
        ".balign 4\n" \
        "6:\n\t" NEXT_CHANNEL ANY_SCALE \
        "ldr r9, [sp, #52]\n\t" \
        "push {r2, r3, r4, r5, r6, r7}\n\t" \
        "mov r3, sp\n" \
        "9:\n\t" \
        "ldr r2, [r3], #4\n\t" ANY_OUTPUT("r2") \
        "strb lr, [r0]\n\t" \
        "add r0, r0, r11\n\t" \
        "subs r9, r9, #1\n\t" \
        "bne 9b\n\t" \
        "add sp, sp, #24\n\t" \
        "ldr r0, [sp]\n\t" NEXT); \
  }
/* clang-format on */

FUNCTION(sum_six, "72", "48", "r7", BIASES_OF_SIX, FIRST_OF_SIX, SIX, ONE_OF_SIX, SIX_OUTPUTS)
FUNCTION(sum_four, "52", "32", "r5", BIASES_OF_FOUR, FIRST_OF_FOUR, FOUR, ONE_OF_FOUR, FOUR_OUTPUTS)

/* What sum_pairs needs; the order is known to the assembly. */
typedef struct {
  int8_t *out;
  const int8_t *shift;
  const int32_t *multiplier;
  uint32_t second, third; /* bytes from the first pixel's output to those of the others */
  int32_t zero;           /* twice the zero point, plus 1 */
  const int32_t *bias;
  const uint32_t *x;
  const uint32_t *x_end;
  int8_t *end;   /* of the first pixel's outputs */
  uint32_t kind; /* POSITIVE or ANY */
  uint32_t fours;
} pairs_t;

/* Four inputs of three pixels for two channels: sums of the first are in r2 to r4. A half of a
 * weight word is a + 256 * b, of the weights a and b of both channels; r5 to r7 are sums of these:
 * with those of a, they give those of b modulo 2^24. */
#define PAIR_OF_INPUTS(weights, r3, r4, r6, r7) \
  "ldmia.w r0!, {r11, r12, lr}\n\t"             \
  "sxtb16 r10, " weights                        \
  "\n\t"                                        \
  "smlad r7, lr, " weights ", " r7              \
  "\n\t"                                        \
  "smlad r6, r12, " weights ", " r6             \
  "\n\t"                                        \
  "smlad r5, r11, " weights                     \
  ", r5\n\t"                                    \
  "smlad r4, lr, r10, " r4                      \
  "\n\t"                                        \
  "smlad r3, r12, r10, " r3                     \
  "\n\t"                                        \
  "smlad r2, r11, r10, r2\n\t"
#define NEXT_INPUTS(weights) PAIR_OF_INPUTS(weights, "r3", "r4", "r6", "r7")
#define THREE "ldmia.w r1!, {r8, r9}\n\t" NEXT_INPUTS("r8") NEXT_INPUTS("r9")
/* Sums of the first pixel are the biases. */
#define FIRST_OF_THREE \
  "ldmia.w r1!, {r8, r9}\n\t" PAIR_OF_INPUTS("r8", "r2", "r2", "r5", "r5") NEXT_INPUTS("r9")

/* r0 is the place of the first pixel's output, r10 the shift, r11 and r12 the distances to the
 * other outputs, lr the multiplier. */
#define FIRST_OF_PAIR                    \
  "ldmia sp, {r0, r8, r9, r11, r12}\n\t" \
  "ldr lr, [r9], #8\n\t"                 \
  "ldrsb r10, [r8], #2\n\t"              \
  "strd r8, r9, [sp, #4]\n\t"
#define SECOND_OF_PAIR        \
  "ldrd r8, r9, [sp, #4]\n\t" \
  "ldr lr, [r9, #-4]\n\t"     \
  "ldrsb r10, [r8, #-1]\n\t"  \
  "add r0, r0, #1\n\t"
#define NEXT_PAIR         \
  "add r0, r0, #1\n\t"    \
  "str r0, [sp]\n\t"      \
  "ldr r8, [sp, #36]\n\t" \
  "cmp r0, r8\n\t"        \
  "bne.w 1b\n\t"          \
  "add sp, sp, #48\n\t"   \
  "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n\t"

/* The last pixel comes first: if there are fewer, it is overwritten. */
#define THREE_OUTPUTS(OUTPUT, a, b, c) \
  OUTPUT(c)                            \
  "strb r10, [r0, r12]\n\t" OUTPUT(b) "strb r10, [r0, r11]\n\t" OUTPUT(a) "strb r10, [r0]\n\t"

/* As POSITIVE_SCALE and POSITIVE_OUTPUT. */
#define FIRST_POSITIVE_SCALE  \
  "mov r8, #0x4000\n\t"       \
  "lsr r8, r8, r10\n\t"       \
  "sub r8, r8, #0x3FC000\n\t" \
  "rsb r9, r10, #16\n\t"
#define FIRST_POSITIVE(sum) \
  "lsl " sum ", " sum       \
  ", r9\n\t"                \
  "smmla r10, " sum         \
  ", lr, r8\n\t"            \
  "ssat r10, #8, r10, asr #15\n\t"

/* The sum is times 256, so that the result has 7 fractional bits before it is shifted. */
#define SECOND_POSITIVE_SCALE \
  "movw r8, #0x3FC0\n\t"      \
  "lsl r8, r8, r10\n\t"       \
  "rsb r8, r8, #64\n\t"       \
  "add r9, r10, #7\n\t"
#define SECOND_POSITIVE(sum) \
  "smmla r10, " sum          \
  ", lr, r8\n\t"             \
  "asr r10, r10, r9\n\t"     \
  "ssat r10, #8, r10\n\t"

/* As ANY_SCALE and ANY_OUTPUT; r9 is the shift. */
#define PAIR_ANY_SCALE    \
  "ldr r8, [sp, #20]\n\t" \
  "mov r9, r10\n\t"       \
  "lsl r8, r8, r10\n\t"   \
  "asr r8, r8, #1\n\t"
#define ANY_OF_TWICE(sum) \
  "smmlar r10, " sum      \
  ", lr, r8\n\t"          \
  "add r10, r10, " sum    \
  ", asr #31\n\t"         \
  "asr r10, r10, r9\n\t"  \
  "ssat r10, #8, r10\n\t"
#define FIRST_ANY(sum) "add " sum ", " sum ", " sum "\n\t" ANY_OF_TWICE(sum)
#define SECOND_ANY(sum) "asr " sum ", " sum ", #7\n\t" ANY_OF_TWICE(sum)

/* All pairs of output channels of up to three pixels: naked, since it needs all registers. On the
 * stack is the struct, with where to enter the loop instead of the last member. The inputs' end is
 * one less for ANY. */
static __attribute__((naked, noinline)) void sum_pairs(const pairs_t *pairs __attribute__((unused)),
                                                       const int8_t *weights
                                                       __attribute__((unused))) {
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
      "sub sp, sp, #48\n\t"
      "mov r12, sp\n\t"
      "ldmia r0!, {r2, r3, r4, r5, r6, r7}\n\t"
      "stmia r12!, {r2, r3, r4, r5, r6, r7}\n\t"
      "ldmia r0!, {r2, r3, r4, r5, r6, r7}\n\t"
      "sub r4, r4, r6\n\t"
      "subs r7, r7, #1\n\t"
      "and r8, r7, #7\n\t"
      "beq 8f\n\t"
      "cmp r8, #0\n\t"
      "it eq\n\t"
      "moveq r8, #8\n"
      "8:\n\t"
      "mov r9, #68\n\t"
      "adr.w r10, 2f\n\t"
      "mls r7, r8, r9, r10\n\t"
      "orr r7, r7, #1\n\t"
      "stmia r12!, {r2, r3, r4, r5, r6, r7}\n\t"
      ".balign 4\n"
      "1:\n\t"
      "ldrd r8, r0, [sp, #24]\n\t"
      "ldrd r2, r5, [r8], #8\n\t"
      "str r8, [sp, #24]\n\t"
      "add r5, r2, r5, lsl #8\n\t" FIRST_OF_THREE
      "ldr pc, [sp, #44]\n\t"
      ".balign 4\n"
      "7:\n\t" THREE THREE THREE THREE THREE THREE THREE THREE
      "2:\n\t"
      "ldr r8, [sp, #32]\n\t"
      "cmp r0, r8\n\t"
      "bcc.w 7b\n\t"
      "sub r5, r5, r2\n\t"
      "sub r6, r6, r3\n\t"
      "sub r7, r7, r4\n\t"
      "bne.w 5f\n\t" FIRST_OF_PAIR FIRST_POSITIVE_SCALE THREE_OUTPUTS(FIRST_POSITIVE, "r2", "r3",
                                                                      "r4")
          SECOND_OF_PAIR SECOND_POSITIVE_SCALE THREE_OUTPUTS(SECOND_POSITIVE, "r5", "r6", "r7")
              NEXT_PAIR
      ".balign 4\n"
      "5:\n\t" FIRST_OF_PAIR PAIR_ANY_SCALE THREE_OUTPUTS(FIRST_ANY, "r2", "r3", "r4")
          SECOND_OF_PAIR PAIR_ANY_SCALE THREE_OUTPUTS(SECOND_ANY, "r5", "r6", "r7") NEXT_PAIR);
}

/* Eight instructions for eight values, plus two; `step` is a number. */
#define BOTH_HALVES(word) \
  "sxtb16 %[c], %[" word  \
  "]\n\t"                 \
  "sxtb16 %[" word "], %[" word "], ror #8\n\t"
#define WIDEN_FOUR(word, step) BOTH_HALVES(word) "strd %[c], %[" word "], [%[at]], #" step "\n\t"
#define OF_SIX(word) WIDEN_FOUR(word, "48")
#define OF_FOUR(word) WIDEN_FOUR(word, "32")
#define OF_THREE(word)  \
  BOTH_HALVES(word)     \
  "str %[" word         \
  "], [%[at], #12]\n\t" \
  "str %[c], [%[at]], #24\n\t"
#define WIDEN(FOUR_VALUES) \
  __asm__ volatile(                                                                           \
      "1:\n\t"                                                                                \
      "mov %[at], %[to]\n\t"                                                                  \
      "add %[to], %[to], %[next]\n\t"                                                              \
      "lsrs %[twos], %[fours], #1\n\t"                                                        \
      "bcc 2f\n\t"                                                                            \
      "ldr %[a], [%[x]], #4\n\t" FOUR_VALUES("a")                                        \
      "2:\n\t"                                                                                \
      "beq 4f\n"                                                                              \
      "3:\n\t"                                                                                \
      "ldr %[a], [%[x]], #4\n\t"                                                              \
      "ldr %[b], [%[x]], #4\n\t" FOUR_VALUES("a") FOUR_VALUES("b")                  \
      "subs %[twos], %[twos], #1\n\t"                                                         \
      "bne 3b\n"                                                                              \
      "4:\n\t"                                                                                \
      "add %[x], %[x], %[rest]\n\t"                                                           \
      "subs %[runs], %[runs], #1    \n\t"                                                     \
      "bne 1b"                                                                                \
      : [x] "+r"(x), [to] "+r"(to), [runs] "+r"(runs)    , [a] "=&r"(a), [b] "=&r"(b),        \
        [c] "=&r"(c), [at] "=&r"(at), [twos] "=&r"(twos)                                      \
      : [fours] "r"(fours), [rest] "r"(rest), [next] "r"(next) \
      : "cc", "memory")

/* `fours` times four values of each run; `rest` more bytes follow them in the input. Runs are
 * `next` bytes apart in the block of `group` pixels. */
static __attribute__((noinline)) void widen(const int8_t *x, uint32_t fours, uint32_t rest,
                                            uint32_t runs, uint32_t group, uint32_t next,
                                            uint32_t *to) {
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t *at;
  uint32_t twos;
  if (group == EDGE_GROUP) {
    WIDEN(OF_SIX);
  } else if (group == EDGE_PAIRED_GROUP) {
    WIDEN(OF_THREE);
  } else {
    WIDEN(OF_FOUR);
  }
}

uint32_t *edge_dsp_widen(const int8_t *x, uint32_t fours, uint32_t row, uint32_t rows,
                         uint32_t group, uint32_t *to) {
  widen(x, fours, row - 4 * fours, rows, group, 8 * group * fours, to);
  return to + 2 * group * fours * rows;
}

void edge_dsp_widen_pixels(const int8_t *x, uint32_t depth, uint32_t group, uint32_t first,
                           uint32_t pixels, uint32_t *block) {
  const uint32_t fours = depth / 4;
  const uint32_t ones = depth % 4;
  const uint32_t words = edge_dsp_pixel_words(group);
  widen(x, fours, ones, pixels, group, 4 * words, block + words * first);
  if (ones == 0) {
    return;
  }
  int8_t *to = (int8_t *)(block + 2 * group * fours) + 2 * first;
  for (x += 4 * fours; pixels > 0; pixels--, x += depth, to += 2) {
    for (uint32_t i = 0; i < ones; i++) {
      const int16_t value = x[i];
      memcpy(to + 2 * i * group, &value, sizeof value);
    }
  }
}

static __attribute__((noinline)) void all_pairs(const edge_pointwise_t *p, const uint32_t *x,
                                                uint32_t pixels, uint32_t step, int8_t *out) {
  const pairs_t call = {
      .out = out,
      .shift = p->shift,
      .multiplier = p->multiplier,
      .second = pixels > 1 ? step : 0,
      .third = pixels > 1 ? (pixels - 1) * step : 0,
      .zero = 2 * p->zero_point + 1,
      .bias = p->bias,
      .x = x,
      .x_end = x + p->in_channels / 2u * EDGE_PAIRED_GROUP,
      .end = out + p->out_channels,
      .kind = p->is_positive ? POSITIVE : ANY,
      .fours = p->in_channels / 4u,
  };
  sum_pairs(&call, p->weights);
}

void edge_dsp_all_channels(const edge_pointwise_t *p, const uint32_t *x, uint32_t pixels,
                           uint32_t step, int8_t *out) {
  if (p->group == EDGE_PAIRED_GROUP) {
    all_pairs(p, x, pixels, step, out);
    return;
  }
  const uint32_t group = edge_dsp_group(pixels);
  const int is_positive = p->is_positive;
  const group_t call = {
      .out = out,
      .shift = p->shift,
      .bias = p->bias,
      .x = x,
      .step = step,
      .multipliers = (uint32_t)((uintptr_t)p->multiplier - (uintptr_t)p->bias),
      .zero = is_positive && pixels == group ? 1 << 14 : 2 * p->zero_point + 1,
      .weights = p->weights,
      .fours = p->in_channels / 4u,
      .ones = p->in_channels % 4u,
      .channels = p->out_channels,
      .kind = pixels < group ? FEWER
              : is_positive  ? POSITIVE
                             : ANY,
      .pixels = pixels,
  };
  if (group == EDGE_GROUP) {
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
      edge_dsp_widen_pixels(x, depth, edge_dsp_group_of(p->group, pixels), 0, pixels, scratch);
      edge_dsp_all_channels(p, scratch, pixels, channels, y);
      edge_dsp_look_up(p->table, p->low, p->high, y, pixels * channels);
      x += pixels * depth;
      y += pixels * channels;
    }
  }
}
