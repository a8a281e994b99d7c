/* SPDX-License-Identifier: Apache-2.0 */
/* The assembly needs nearly all registers. */
#pragma GCC optimize("O2", "omit-frame-pointer")

#include "edge_dsp.h"

/* A block of pixels is widened to 16 bits in the scratch; then each output channel processes it,
 * four pixels at a time, so that a weight is read once for four products.
 *
 * In the scratch, a group of four pixels is stored as
 *     per four inputs:     even and odd bytes of pixel 0, of pixel 1, 2, 3    (8 words)
 *     per remaining one:   pairs of pixels (0, 1) and (2, 3)                  (2 words)
 * A group with fewer pixels repeats its first one, including the address of its results. */

#define GROUP EDGE_GROUP

uint32_t *edge_dsp_widen(const int8_t *x, uint32_t depth, uint32_t pixels, uint32_t *to) {
  const int8_t *x1 = pixels > 1 ? x + depth : x;
  const int8_t *x2 = pixels > 2 ? x + 2 * depth : x;
  const int8_t *x3 = pixels > 3 ? x + 3 * depth : x;
  uint32_t i = 0;
  for (; i + 4 <= depth; i += 4, to += 8) {
    const uint32_t w0 = edge_load_word(x + i);
    const uint32_t w1 = edge_load_word(x1 + i);
    const uint32_t w2 = edge_load_word(x2 + i);
    const uint32_t w3 = edge_load_word(x3 + i);
    to[0] = edge_even_bytes(w0);
    to[1] = edge_odd_bytes(w0);
    to[2] = edge_even_bytes(w1);
    to[3] = edge_odd_bytes(w1);
    to[4] = edge_even_bytes(w2);
    to[5] = edge_odd_bytes(w2);
    to[6] = edge_even_bytes(w3);
    to[7] = edge_odd_bytes(w3);
  }
  for (; i < depth; i++, to += 2) {
    to[0] = edge_pair(x[i], x1[i]);
    to[1] = edge_pair(x2[i], x3[i]);
  }
  return to;
}

#define FOUR_INPUTS                     \
  "ldr %[odd], [%[w]], #4\n\t"          \
  "ldmia %[x]!, {r3, r4, r5, r6}\n\t"   \
  "sxtb16 %[even], %[odd]\n\t"          \
  "sxtb16 %[odd], %[odd], ror #8\n\t"   \
  "smlad %[s0], r3, %[even], %[s0]\n\t" \
  "smlad %[s1], r5, %[even], %[s1]\n\t" \
  "smlad %[s0], r4, %[odd], %[s0]\n\t"  \
  "smlad %[s1], r6, %[odd], %[s1]\n\t"  \
  "ldmia %[x]!, {r3, r4, r5, r6}\n\t"   \
  "smlad %[s2], r3, %[even], %[s2]\n\t" \
  "smlad %[s3], r5, %[even], %[s3]\n\t" \
  "smlad %[s2], r4, %[odd], %[s2]\n\t"  \
  "smlad %[s3], r6, %[odd], %[s3]\n\t"

/* All output channels of this many groups: four sums at a time, initialized with the bias. Results
 * go to at[0 .. 3] from each group's output on.
 *
 * r3 to r6 load two pixels at once. The assembly's loop handles eight inputs, and is entered in the
 * middle for an odd number of fours: 28 instructions for 32 products. It leaves no register for
 * anything else, so constants are on the stack. */
static __attribute__((noinline)) void groups(const edge_pointwise_t *p, const uint32_t *first,
                                             uint32_t count, int8_t *out, const uint32_t *at) {
  const uint32_t at1 = at[1];
  const uint32_t at2 = at[2];
  const uint32_t at3 = at[3];
  const uint32_t depth = p->in_channels;
  const int32_t all_fours = (int32_t)(depth / 4);
  const uint32_t ones = depth % 4;
  const uint32_t step = GROUP * p->out_channels;
  const uint32_t size = count * step;
  const int8_t *weights = p->weights;
  for (uint32_t o = 0; o < p->out_channels; o++, weights += depth) {
    const int32_t bias = p->bias[o];
    const edge_scale_t scale = edge_scale(p->multiplier[o], p->shift[o], p->zero_point);
    const uint32_t *x = first;
    int8_t *y = out + o;
    const int8_t *const end = y + size;
    do {
      const int8_t *w = weights;
      int32_t s0 = bias;
      int32_t s1 = bias;
      int32_t s2 = bias;
      int32_t s3 = bias;
      int32_t fours = all_fours;
      if (fours != 0) {
        uint32_t even;
        uint32_t odd;
        __asm__(
            "lsls %[odd], %[fours], #31\n\t"
            "bne 2f\n"
            "1:\n\t" FOUR_INPUTS "2:\n\t" FOUR_INPUTS
            "subs %[fours], #2\n\t"
            "bgt 1b"
            : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [w] "+r"(w), [x] "+r"(x),
              [fours] "+r"(fours), [even] "=&r"(even), [odd] "=&r"(odd)
            :
            : "r3", "r4", "r5", "r6", "cc", "memory");
      }
      uint32_t left = ones;
      if (left != 0) {
        uint32_t weight;
        __asm__(
            "1:\n\t"
            "ldrsb %[weight], [%[w]], #1\n\t"
            "ldmia %[x]!, {r3, r4}\n\t"
            "subs %[left], #1\n\t"
            "smlabb %[s0], %[weight], r3, %[s0]\n\t"
            "smlabt %[s1], %[weight], r3, %[s1]\n\t"
            "smlabb %[s2], %[weight], r4, %[s2]\n\t"
            "smlabt %[s3], %[weight], r4, %[s3]\n\t"
            "bne 1b"
            : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [w] "+r"(w), [x] "+r"(x),
              [left] "+r"(left), [weight] "=&r"(weight)
            :
            : "r3", "r4", "cc", "memory");
      }
      y[0] = (int8_t)edge_scaled(s0 * 2, scale);
      y[at1] = (int8_t)edge_scaled(s1 * 2, scale);
      y[at2] = (int8_t)edge_scaled(s2 * 2, scale);
      y[at3] = (int8_t)edge_scaled(s3 * 2, scale);
      y += step;
    } while (y != end);
  }
}

void edge_dsp_all_channels(const edge_pointwise_t *p, const uint32_t *x, uint32_t pixels,
                           int8_t *out) {
  const uint32_t channels = p->out_channels;
  const uint32_t whole = pixels / GROUP;
  const uint32_t left = pixels % GROUP;
  uint32_t at[GROUP] = {0, channels, 2 * channels, 3 * channels};
  if (whole > 0) {
    groups(p, x, whole, out, at);
  }
  if (left > 0) {
    for (uint32_t i = left; i < GROUP; i++) {
      at[i] = 0;
    }
    x += whole * (p->in_channels / 4u * 8u + p->in_channels % 4u * 2u);
    groups(p, x, 1, out + whole * GROUP * channels, at);
  }
  edge_dsp_look_up(p->table, p->low, p->high, out, pixels * channels);
}

/* A single pixel, which shares weights with no other, 16 bits wide in `wide`, which outputs may
 * overlap. */
static void one_pixel(const edge_pointwise_t *p, const int8_t *x, int8_t *out, uint32_t *wide) {
  const uint32_t depth = p->in_channels;
  const uint32_t fours = depth / 4;
  const uint32_t ones = depth % 4;
  for (uint32_t i = 0; i < fours; i++) {
    const uint32_t word = edge_load_word(x + 4 * i);
    wide[2 * i] = edge_even_bytes(word);
    wide[2 * i + 1] = edge_odd_bytes(word);
  }
  int8_t last[4];
  memcpy(last, x + depth - ones, ones);
  const int8_t *w = p->weights;
  for (uint32_t o = 0; o < p->out_channels; o++) {
    int32_t sum = p->bias[o];
    const uint32_t *pairs = wide;
    for (uint32_t left = fours; left > 0; left--, w += 4, pairs += 2) {
      const uint32_t word = edge_load_word(w);
      sum = edge_smlad(pairs[0], edge_even_bytes(word), sum);
      sum = edge_smlad(pairs[1], edge_odd_bytes(word), sum);
    }
    for (uint32_t i = 0; i < ones; i++) {
      sum += last[i] * *w++;
    }
    const edge_scale_t scale = edge_scale(p->multiplier[o], p->shift[o], p->zero_point);
    out[o] = (int8_t)edge_scaled(sum * 2, scale);
  }
  edge_dsp_look_up(p->table, p->low, p->high, out, p->out_channels);
}

/* A block of pixels; all are read before any output is written. */
static void block(const edge_pointwise_t *p, const int8_t *x, uint32_t pixels, int8_t *out,
                  uint32_t *scratch) {
  uint32_t *to = scratch;
  for (uint32_t i = 0; i < pixels; i += GROUP) {
    to = edge_dsp_widen(x + i * p->in_channels, p->in_channels, pixels - i, to);
  }
  edge_dsp_all_channels(p, scratch, pixels, out);
}

void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch) {
  const uint32_t depth = p->in_channels;
  const uint32_t most = edge_dsp_block_size(depth);
  for (uint32_t row = 0; row < p->rows; row++) {
    const int8_t *x = in + row * p->in_row;
    int8_t *y = out + row * p->out_row;
    uint32_t pixels;
    for (uint32_t left = p->width; left > 0; left -= pixels) {
      pixels = left < most ? left : most;
      if (pixels == 1) {
        one_pixel(p, x, y, scratch);
      } else {
        block(p, x, pixels, y, scratch);
      }
      x += pixels * depth;
      y += pixels * p->out_channels;
    }
  }
}
