/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the kernels for Cortex-M cores with DSP instructions (M4, M7, M33).
 *
 * Scaling an accumulator takes five instructions, thanks to these facts in addition to those of
 * edge_requantize.h:
 *
 *   a. SMMLAR adds a number to the rounded high half for free: `rounding`, which is
 *      2^(shift-1) of the second rounding and the output's zero point, shifted left. Shifts are
 *      at most 22, so this stays below 2^30.
 *   b. The second rounding needs the sign of the high half. That of the accumulator also works:
 *      they differ only if the high half is 0, and (0 - 1 + 2^(shift-1)) >> shift is 0, too.
 *   c. SSAT clamps to int8. Narrower clamps and tables follow in a separate pass, see
 *      edge_dsp_look_up(): clamping twice has the same result.
 *   d. With the output's zero point at -128, results below 0 do not matter: after the clamp, they
 * are -128 like 0. So ties need no sign, and rounding twice is rounding once with a larger
 * constant: (x + 1/2 rounded down, + 2^(shift-1)) >> shift = (x + 1/2 + 2^(shift-1)) >> shift. e.
 * If besides shifts are at most 14 and |accumulator| < 2^(15+shift), a left shift by 16-shift of
 *      the accumulator, SMMLA and SSAT with a shift by 15 are all: x has 15-shift fractional bits,
 * so that the 1/2 is a whole number, and nothing is rounded in between. See `is_positive`.
 *
 * Pairs: SMLAD multiplies two pairs of 16-bit numbers and adds both products. SXTB16 makes a pair
 * of bytes 0 and 2 of a word, and another of bytes 1 and 3. Which numbers form a pair does not
 * matter as long as weights and inputs agree. */
#ifndef EDGE_DSP_H
#define EDGE_DSP_H

#include <string.h>

#include "edge_attributes.h"
#include "edge_kernels.h"
#include "edge_requantize.h"

/* Sums products of pairs: sum + a[0] * b[0] + a[1] * b[1]. */
static inline int32_t edge_smlad(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

/* sum + a[0] * b[0], of the numbers in the low halves, or with one or both in the high half. */
static inline int32_t edge_smlabb(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

static inline int32_t edge_smlabt(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm__("smlabt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

static inline int32_t edge_smlatt(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

/* Bytes 0 and 2 of a word as a pair, and bytes 1 and 3. */
static inline uint32_t edge_even_bytes(uint32_t word) {
  uint32_t pair;
  __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(word));
  return pair;
}

static inline uint32_t edge_odd_bytes(uint32_t word) {
  uint32_t pair;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
  return pair;
}

static inline uint32_t edge_twice(uint32_t pair) {
  uint32_t sum;
  __asm__("sadd16 %0, %1, %1" : "=r"(sum) : "r"(pair));
  return sum;
}

/* The pair (low, high) of numbers that fit in 16 bits. */
static inline uint32_t edge_pair(int32_t low, int32_t high) {
  uint32_t pair;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(low), "r"(high));
  return pair;
}

/* Four bytes from any address. */
static inline uint32_t edge_load_word(const int8_t *from) {
  uint32_t word;
  memcpy(&word, from, sizeof word);
  return word;
}

/* Scaling of a channel. */
typedef struct {
  int32_t multiplier, rounding, shift;
} edge_scale_t;

static inline edge_scale_t edge_scale(int32_t multiplier, int32_t shift, int32_t zero_point) {
  const edge_scale_t scale = {multiplier, (2 * zero_point + 1) * (1 << (shift - 1)), shift};
  return scale;
}

/* sum + (a * b + 2^31) >> 32. */
static inline int32_t edge_smmlar(int32_t a, int32_t b, int32_t sum) {
  int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

/* The output for a doubled accumulator. */
static inline int32_t edge_scaled(int32_t twice, edge_scale_t scale) {
  int32_t value = edge_smmlar(twice, scale.multiplier, scale.rounding);
  value = (value + (twice >> 31)) >> scale.shift;
  __asm__("ssat %0, #8, %1" : "=r"(value) : "r"(value));
  return value;
}

/* Pixels, or windows, that are widened to 16 bits and processed together; see pointwise.c. */
#define EDGE_GROUP 6

/* The size of the group that so many pixels belong to. */
static inline uint32_t edge_dsp_group(uint32_t pixels) { return pixels > 4 ? EDGE_GROUP : 4; }

/* Those that are processed together if weights are stored for pairs of channels. */
#define EDGE_PAIRED_GROUP 3

/* The size of a group of so many pixels; `group` is the exporter's. */
static inline uint32_t edge_dsp_group_of(uint32_t group, uint32_t pixels) {
  return group == EDGE_PAIRED_GROUP ? EDGE_PAIRED_GROUP : edge_dsp_group(pixels);
}

/* Words from a pixel to the next in a block. */
static inline uint32_t edge_dsp_pixel_words(uint32_t group) {
  return group == EDGE_PAIRED_GROUP ? 1 : 2;
}

/* Widens rows of `fours` times four values of a pixel, `row` bytes apart, from `to` on, the place
 * of its first ones in a block of `group` pixels. Returns the place of the next. */
EDGE_KERNELS_ATTR uint32_t *edge_dsp_widen(const int8_t *x, uint32_t fours, uint32_t row,
                                           uint32_t rows, uint32_t group, uint32_t *to);

/* Widens whole pixels, adjacent ones: the `first`-th of a group and those after it. */
EDGE_KERNELS_ATTR void edge_dsp_widen_pixels(const int8_t *x, uint32_t depth, uint32_t group,
                                             uint32_t first, uint32_t pixels, uint32_t *block);

/* All output channels of `pixels` widened pixels, at most a group, with outputs `step` bytes apart.
 * Outputs are clamped to int8. */
EDGE_KERNELS_ATTR void edge_dsp_all_channels(const edge_pointwise_t *p, const uint32_t *x,
                                             uint32_t pixels, uint32_t step, int8_t *out);

/* Sums of products per channel: row_sum and depthwise, one run of pixels of an output row at a
 * time. The taps are a rectangle of `rows` x `columns`; those in the padding are left out. */
typedef struct {
  const int8_t *const *rows; /* first pixel's first column in each row of taps */
  const int8_t *weights;     /* of the first tap */
  const int8_t *window;      /* weights of all taps, including those left out */
  const int32_t *bias;       /* the input's zero point folded in over the whole window */
  const int32_t *multiplier;
  const int8_t *shift;
  int8_t *out;
  uint32_t row_count, columns;
  uint32_t weights_row; /* from the weights of one row to the next */
  uint32_t column_step; /* bytes from one column of taps to the next */
  uint32_t window_size; /* taps of the window */
  uint32_t channels;
  uint32_t pixels;
  uint32_t in_step; /* bytes from the first tap of a pixel to the next pixel's */
  int32_t in_zero_point, zero_point;
} edge_taps_t;

/* In window_sum.c. Outputs are clamped to int8. */
EDGE_KERNELS_ATTR void edge_dsp_window_sum(const edge_taps_t *p);

/* The last steps for outputs that are clamped to int8. */
static inline void edge_dsp_look_up(const int8_t *table, int32_t low, int32_t high, int8_t *out,
                                    uint32_t size) {
  int8_t *const end = out + size;
  if (low > -128 || high < 127) {
    for (int8_t *v = out; v < end; v++) {
      *v = (int8_t)edge_clamp(*v, low, high);
    }
  }
  if (table) {
    table += 128;
    for (; end - out >= 4; out += 4) {
      const int8_t v0 = table[out[0]];
      const int8_t v1 = table[out[1]];
      const int8_t v2 = table[out[2]];
      const int8_t v3 = table[out[3]];
      out[0] = v0;
      out[1] = v1;
      out[2] = v2;
      out[3] = v3;
    }
    for (; out < end; out++) {
      *out = table[*out];
    }
  }
}

#endif
