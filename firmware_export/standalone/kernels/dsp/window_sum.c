/* SPDX-License-Identifier: Apache-2.0 */
/* The assembly needs all registers, a frame pointer's too. */
#pragma GCC optimize("O2", "omit-frame-pointer")

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

/* ldrsb needs a register per address, and shifts by a register only use its lowest byte: so `step`
 * has the shift there and the bytes from one pixel to the next above it. The compiler has thirteen
 * registers to assign: from four taps on, the bias is read from memory; with five, also one address
 * and that of the outputs. */
#define TAP_0                       \
  "1:\n\t"                          \
  "ldrsb %[sum], [%[x0], %[i]]\n\t" \
  "smlabb %[sum], %[sum], %[w01], %[bias]\n\t"
#define TAP_0_MEMORY              \
  "1:\n\t"                        \
  "ldrsb %[v], [%[x0], %[i]]\n\t" \
  "ldr %[sum], %[bias]\n\t"       \
  "smlabb %[sum], %[v], %[w01], %[sum]\n\t"
#define TAP_1                     \
  "ldrsb %[v], [%[x1], %[i]]\n\t" \
  "smlabt %[sum], %[v], %[w01], %[sum]\n\t"
#define TAP_2                     \
  "ldrsb %[v], [%[x2], %[i]]\n\t" \
  "smlabb %[sum], %[v], %[w23], %[sum]\n\t"
#define TAP_3                     \
  "ldrsb %[v], [%[x3], %[i]]\n\t" \
  "smlabt %[sum], %[v], %[w23], %[sum]\n\t"
#define TAP_4                    \
  "ldr %[v], %[x4]\n\t"          \
  "ldrsb %[v], [%[v], %[i]]\n\t" \
  "smlabb %[sum], %[v], %[w4], %[sum]\n\t"
#define SCALE                                           \
  "smmlar %[v], %[sum], %[multiplier], %[rounding]\n\t" \
  "add %[v], %[v], %[sum], asr #31\n\t"                 \
  "asr %[v], %[v], %[step]\n\t"                         \
  "ssat %[v], #8, %[v]\n\t"
#define NEXT                             \
  "adds %[i], %[i], %[step], lsr #8\n\t" \
  "bne 1b"
#define STORE "strb %[v], [%[y], %[i]]\n\t"
#define STORE_MEMORY     \
  "ldr %[sum], %[y]\n\t" \
  "strb %[v], [%[sum], %[i]]\n\t"
#define LOOP(code, ...)                                                                       \
  __asm__ volatile(                                                                           \
      code                                                                                    \
      : [i] "+r"(i), [sum] "=&r"(sum), [v] "=&r"(v)                                           \
      : [x0] "r"(x[0] + end), [x1] "r"(x[1] + end), [w01] "r"(w01),                           \
        [multiplier] "r"(scale.multiplier), [rounding] "r"(scale.rounding), [step] "r"(step), \
        __VA_ARGS__                                                                           \
      : "cc", "memory")

/* One channel at a time for all pixels, for 2 to 5 taps. Weights and bias are doubled, which saves
 * doubling the sums. */
static __attribute__((noinline)) void few_taps(const edge_taps_t *p, uint32_t taps) {
  const int8_t *x[FEW];
  const int8_t *w[FEW];
  uint32_t k = 0;
  for (uint32_t row = 0; row < p->row_count; row++) {
    for (uint32_t column = 0; column < p->columns; column++, k++) {
      x[k] = p->rows[row] + column * p->column_step;
      w[k] = p->weights + row * p->weights_row + column * p->channels;
    }
  }
  const uint32_t channels = p->channels;
  const uint32_t size = p->pixels * channels;
  const int is_whole = taps == p->window_size;
  for (uint32_t c = 0; c < channels; c++) {
    const uint32_t end = c + size;
    const int32_t bias = (is_whole ? p->bias[c] : bias_of(p, c)) * 2;
    const edge_scale_t scale = edge_scale(p->multiplier[c], p->shift[c], p->zero_point);
    const uint32_t step = channels << 8 | (uint32_t)scale.shift;
    const uint32_t w01 = edge_pair(w[0][c] * 2, w[1][c] * 2);
    int8_t *const y = p->out + end;
    int32_t i = -(int32_t)size;
    int32_t sum;
    int32_t v;
    if (taps == 2) {
      LOOP(TAP_0 TAP_1 SCALE STORE NEXT, [bias] "r"(bias), [y] "r"(y));
    } else if (taps == 3) {
      LOOP(TAP_0 TAP_1 TAP_2 SCALE STORE NEXT, [bias] "r"(bias), [y] "r"(y), [x2] "r"(x[2] + end),
           [w23] "r"(w[2][c] * 2));
    } else {
      const uint32_t w23 = edge_pair(w[2][c] * 2, w[3][c] * 2);
      if (taps == 4) {
        LOOP(TAP_0_MEMORY TAP_1 TAP_2 TAP_3 SCALE STORE NEXT, [bias] "m"(bias), [y] "r"(y),
             [x2] "r"(x[2] + end), [x3] "r"(x[3] + end), [w23] "r"(w23));
      } else {
        const int8_t *const x4 = x[4] + end;
        LOOP(TAP_0_MEMORY TAP_1 TAP_2 TAP_3 TAP_4 SCALE STORE_MEMORY NEXT, [bias] "m"(bias),
             [y] "m"(y), [x2] "r"(x[2] + end), [x3] "r"(x[3] + end), [x4] "m"(x4), [w23] "r"(w23),
             [w4] "r"(w[4][c] * 2));
      }
    }
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
