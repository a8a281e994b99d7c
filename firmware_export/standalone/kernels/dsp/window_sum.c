/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* Up to this many taps, a channel's weights and the addresses of its taps stay in registers for all
 * pixels; see few_taps(). */
#define FEW 5

/* Up to this many, a table of them goes on the stack; see many_taps(). */
#define MANY 32

/* The bias without the contribution of the omitted taps. */
static int32_t bias_of(const edge_taps_t *p, uint32_t channel) {
  int32_t bias = p->bias[channel];
  uint32_t taps = p->row_count * p->columns;
  if (taps == p->window_size) {
    return bias;
  }
  int32_t missing = 0;
  const int8_t *w = p->window + channel;
  for (uint32_t k = p->window_size; k > 0; k--, w += p->channels) {
    missing += *w;
  }
  for (uint32_t row = 0; row < p->row_count; row++) {
    w = p->weights + row * p->weights_row + channel;
    for (uint32_t column = p->columns; column > 0; column--, w += p->channels) {
      missing -= *w;
    }
  }
  return bias + p->in_zero_point * missing;
}

/* One channel of all pixels; the order is known to the assembly. Pointers are the first channel's.
 */
typedef struct {
  const int8_t *x[4]; /* of the last pixel's taps and of what follows; the fifth is below */
  uint32_t w01, w23;  /* shifted weights in pairs, which saves shifting the sums */
  int32_t multiplier, rounding;
  uint32_t step; /* the shift, and above 8 bits, the bytes from one pixel to the next */
  int8_t *y;
  int32_t i;    /* minus the bytes of all pixels */
  int32_t bias; /* shifted; with five taps the fifth's weight */
  const int8_t *x4;
  int32_t bias_of_five;
  uint32_t is_odd; /* whether the number of pixels is */
} channel_t;

/* r0 to r11 are the first twelve members, r12 the sum, lr a value. Shifts by a register only use
 * its lowest byte. */
#define TAP_0               \
  "ldrsb lr, [r0, r10]\n\t" \
  "smlabb r12, lr, r4, r11\n\t"
#define TAP_0_OF_FIVE       \
  "ldrsb lr, [r0, r10]\n\t" \
  "ldr r12, [sp, #4]\n\t"   \
  "smlabb r12, lr, r4, r12\n\t"
#define TAP_1               \
  "ldrsb lr, [r1, r10]\n\t" \
  "smlabt r12, lr, r4, r12\n\t"
#define TAP_2               \
  "ldrsb lr, [r2, r10]\n\t" \
  "smlabb r12, lr, r5, r12\n\t"
#define TAP_3               \
  "ldrsb lr, [r3, r10]\n\t" \
  "smlabt r12, lr, r5, r12\n\t"
#define TAP_4               \
  "ldr lr, [sp]\n\t"        \
  "ldrsb lr, [lr, r10]\n\t" \
  "smlabb r12, lr, r11, r12\n\t"
#define PIXEL(taps)                   \
  taps "smmlar lr, r12, r6, r7\n\t"   \
       "add lr, lr, r12, asr #31\n\t" \
       "asr lr, lr, r8\n\t"           \
       "ssat lr, #8, lr\n\t"          \
       "strb lr, [r9, r10]\n\t"       \
       "adds r10, r10, r8, lsr #8\n\t"
#define POSITIVE_PIXEL(taps)          \
  taps "smmla lr, r12, r6, r7\n\t"    \
       "ssat lr, #8, lr, asr #11\n\t" \
       "strb lr, [r9, r10]\n\t"       \
       "adds r10, r10, r8, lsr #8\n\t"
/* The flag Z says where to begin. */
#define FUNCTION(name, pixels)                                                                \
  static __attribute__((naked, noinline)) void name(                                          \
      const channel_t *channel __attribute__((unused)), uint32_t c __attribute__((unused))) { \
    __asm__ volatile(                                                                         \
        "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"                                     \
        "ldrd r2, r3, [r0, #48]\n\t"                                                          \
        "ldr r12, [r0, #56]\n\t"                                                              \
        "mov lr, r1\n\t"                                                                      \
        "add r2, r2, r1\n\t"                                                                  \
        "push {r2, r3}\n\t"                                                                   \
        "ldmia r0, {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"                    \
        "add r0, r0, lr\n\t"                                                                  \
        "add r1, r1, lr\n\t"                                                                  \
        "add r2, r2, lr\n\t"                                                                  \
        "add r3, r3, lr\n\t"                                                                  \
        "add r9, r9, lr\n\t"                                                                  \
        "cmp r12, #0\n\t" pixels                                                              \
        "bne 1b\n\t"                                                                          \
        "add sp, sp, #8\n\t"                                                                  \
        "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");                                        \
  }
#define ONE_BY_ONE(name, taps) FUNCTION(name, "1:\n\t" PIXEL(taps))
#define TWO_BY_TWO(name, taps) \
  FUNCTION(name,               \
           "bne 2f\n"          \
           "1:\n\t" POSITIVE_PIXEL(taps) "2:\n\t" POSITIVE_PIXEL(taps))

ONE_BY_ONE(two_taps, TAP_0 TAP_1)
ONE_BY_ONE(three_taps, TAP_0 TAP_1 TAP_2)
ONE_BY_ONE(four_taps, TAP_0 TAP_1 TAP_2 TAP_3)
ONE_BY_ONE(five_taps, TAP_0_OF_FIVE TAP_1 TAP_2 TAP_3 TAP_4)
TWO_BY_TWO(positive_three_taps, TAP_0 TAP_1 TAP_2)
TWO_BY_TWO(positive_four_taps, TAP_0 TAP_1 TAP_2 TAP_3)

/* Fractional bits of a positive output: weights and bias are shifted left by 1 + POSITIVE_BITS -
 * shift, so that the shift is the same for all channels and part of the SSAT. See e. in edge_dsp.h:
 * at least one bit is left for the 1/2, and weights shifted by at most 8 fit 16 bits. */
#define POSITIVE_BITS 11
#define LEAST_SHIFT (POSITIVE_BITS - 7)
#define MOST_SHIFT (POSITIVE_BITS - 1)
/* Above the largest bias, so that the sum with four products is below 2^23, and fits shifted. */
#define BIAS_LIMIT (INT32_C(1) << 22)

/* Whether the functions for positive outputs are exact for a channel; `bias` is not shifted. */
static inline int is_small(int32_t bias, uint32_t shift) {
  return shift >= LEAST_SHIFT && shift <= MOST_SHIFT && bias > -BIAS_LIMIT && bias < BIAS_LIMIT;
}

/* One channel at a time for all pixels, for 2 to 5 taps. */
static __attribute__((noinline)) void few_taps(const edge_taps_t *p, uint32_t taps) {
  typedef void of_taps_t(const channel_t *, uint32_t);
  static of_taps_t *const any[] = {two_taps, three_taps, four_taps, five_taps};
  static of_taps_t *const positive[] = {NULL, positive_three_taps, positive_four_taps, NULL};
  of_taps_t *const exact = any[taps - 2];
  of_taps_t *const faster = p->zero_point == -128 ? positive[taps - 2] : NULL;
  const uint32_t channels = p->channels;
  const uint32_t size = p->pixels * channels;
  const int is_whole = taps == p->window_size;
  const int8_t *x[FEW];
  const int8_t *w[FEW];
  for (uint32_t k = 0; k < FEW; k++) { /* for those that are not there */
    x[k] = p->rows[0] + size;
    w[k] = p->weights;
  }
  uint32_t k = 0;
  for (uint32_t row = 0; row < p->row_count; row++) {
    for (uint32_t column = 0; column < p->columns; column++, k++) {
      x[k] = p->rows[row] + column * p->column_step + size;
      w[k] = p->weights + row * p->weights_row + column * p->channels;
    }
  }
  channel_t channel = {
      .x = {x[0], x[1], x[2], x[3]},
      .y = p->out + size,
      .i = -(int32_t)size,
      .x4 = x[4],
      .is_odd = p->pixels & 1,
  };
  for (uint32_t c = 0; c < channels; c++) {
    const int32_t bias = is_whole ? p->bias[c] : bias_of(p, c);
    const uint32_t shift = (uint32_t)p->shift[c];
    uint32_t left = 1; /* how far weights and bias are shifted */
    of_taps_t *pixels = exact;
    if (faster && is_small(bias, shift)) {
      pixels = faster;
      left = 1 + POSITIVE_BITS - shift;
      channel.rounding = (1 << (left - 2)) + (2 * -128 + 1) * (1 << (POSITIVE_BITS - 1));
    } else {
      channel.rounding = (2 * p->zero_point + 1) * (1 << (shift - 1));
    }
    const int32_t shifted = edge_wrap((uint32_t)bias << left);
    channel.w01 = edge_pair(w[0][c] * (1 << left), w[1][c] * (1 << left));
    channel.w23 = edge_pair(w[2][c] * (1 << left), w[3][c] * (1 << left));
    channel.multiplier = p->multiplier[c];
    channel.step = channels << 8 | shift;
    channel.bias = taps < FEW ? shifted : w[4][c] * (1 << left);
    channel.bias_of_five = shifted;
    pixels(&channel, c);
  }
}

/* A tap of four channels: its address in the first pixel, and its doubled weights as pairs. */
typedef struct {
  const int8_t *x;
  uint32_t even, odd;
} tap_t;

/* More taps, four channels of a pixel at a time: nine instructions per tap. */
static __attribute__((noinline)) void many_taps(const edge_taps_t *p, uint32_t channel) {
  tap_t taps[MANY];
  tap_t *end = taps;
  for (uint32_t row = 0; row < p->row_count; row++) {
    const int8_t *x = p->rows[row] + channel;
    const int8_t *w = p->weights + row * p->weights_row + channel;
    for (uint32_t k = p->columns; k > 0; k--, x += p->column_step, w += p->channels, end++) {
      const uint32_t word = edge_load_word(w);
      end->x = x;
      end->even = edge_twice(edge_even_bytes(word));
      end->odd = edge_twice(edge_odd_bytes(word));
    }
  }
  struct {
    int32_t bias;
    edge_scale_t scale;
  } of[4];
  for (uint32_t i = 0; i < 4; i++) {
    const uint32_t c = channel + i;
    of[i].bias = bias_of(p, c) * 2;
    of[i].scale = edge_scale(p->multiplier[c], p->shift[c], p->zero_point);
  }
  const uint32_t step = p->in_step;
  const uint32_t channels = p->channels;
  int8_t *y = p->out + channel;
  uint32_t offset = 0;
  for (uint32_t left = p->pixels; left > 0; left--, offset += step, y += channels) {
    int32_t sum0 = of[0].bias;
    int32_t sum1 = of[1].bias;
    int32_t sum2 = of[2].bias;
    int32_t sum3 = of[3].bias;
    const tap_t *tap = taps;
    uint32_t x;
    __asm__(
        "1:\n\t"
        "ldmia %[tap]!, {r3, r4, r5}\n\t"
        "ldr %[x], [r3, %[offset]]\n\t"
        "cmp %[tap], %[end]\n\t"
        "sxtb16 r3, %[x]\n\t"
        "sxtb16 %[x], %[x], ror #8\n\t"
        "smlabb %[s0], r3, r4, %[s0]\n\t"
        "smlabb %[s1], %[x], r5, %[s1]\n\t"
        "smlatt %[s2], r3, r4, %[s2]\n\t"
        "smlatt %[s3], %[x], r5, %[s3]\n\t"
        "bne 1b"
        : [s0] "+r"(sum0), [s1] "+r"(sum1), [s2] "+r"(sum2), [s3] "+r"(sum3), [tap] "+r"(tap),
          [x] "=&r"(x)
        : [offset] "r"(offset), [end] "r"(end)
        : "r3", "r4", "r5", "cc", "memory");
    y[0] = (int8_t)edge_scaled(sum0, of[0].scale);
    y[1] = (int8_t)edge_scaled(sum1, of[1].scale);
    y[2] = (int8_t)edge_scaled(sum2, of[2].scale);
    y[3] = (int8_t)edge_scaled(sum3, of[3].scale);
  }
}

/* Any number of taps. */
static void one_channel(const edge_taps_t *p, uint32_t channel) {
  const int32_t bias = bias_of(p, channel);
  const edge_scale_t scale = edge_scale(p->multiplier[channel], p->shift[channel], p->zero_point);
  int8_t *y = p->out + channel;
  uint32_t offset = channel;
  for (uint32_t left = p->pixels; left > 0; left--, offset += p->in_step, y += p->channels) {
    int32_t sum = bias;
    for (uint32_t row = 0; row < p->row_count; row++) {
      const int8_t *x = p->rows[row] + offset;
      const int8_t *w = p->weights + row * p->weights_row + channel;
      for (uint32_t k = p->columns; k > 0; k--, x += p->column_step, w += p->channels) {
        sum += *x * *w;
      }
    }
    *y = (int8_t)edge_scaled(sum * 2, scale);
  }
}

void edge_dsp_window_sum(const edge_taps_t *p) {
  const uint32_t taps = p->row_count * p->columns;
  if (taps >= 2 && taps <= FEW && p->in_step == p->channels) {
    few_taps(p, taps);
    return;
  }
  uint32_t c = 0;
  for (; taps > 0 && taps <= MANY && c + 4 <= p->channels; c += 4) {
    many_taps(p, c);
  }
  for (; c < p->channels; c++) {
    one_channel(p, c);
  }
}
