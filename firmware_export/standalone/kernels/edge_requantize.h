/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of TensorFlow Lite's reference kernels, bit-exact, in few instructions.
 *
 * The reference scales a 32-bit accumulator by multiplier / 2^31 / 2^shift in two roundings:
 * first it multiplies and keeps the high half (ties go up), then it shifts right (ties go away
 * from zero). Facts that make this cheap; all are exact, not approximations:
 *
 *  1. The high half, SaturatingRoundingDoublingHighMul(x, m), is (x * m + 2^30) >> 31 in 64 bits.
 *     It saturates only for INT32_MIN * INT32_MIN, and multipliers are never negative.
 *  2. With |x| < 2^30 it is (2x * m + 2^31) >> 32: one SMMULR on a Cortex-M with DSP, one VQRDMULH
 *     of x itself on MVE. m is below 2^31 and cannot be doubled; x can.
 *  3. The rounding shift, RoundingDivideByPOT(x, s), is (x + (x >> 31) + 2^(s-1)) >> s for s >= 1
 *     and |x| < 2^30, and x for s == 0. MVE's VRSHL rounds ties up: add x >> 31 before it.
 *  4. The zero point may be added before the shift, as zero_point << s next to 2^(s-1), where
 *     that does not overflow: y + (z << s) >> s == (y >> s) + z.
 *  5. Of the two inputs of an addition, the one with the larger scale has multiplier 2^30 and
 *     shift 0 after a left shift by 20, so its term is (x - zero_point) << 19. If both have them,
 *     the other's are given as 2^31 - 1 and 1, which is equivalent: for |x| < 2^30, the high
 *     half with 2^31 - 1 is x itself, and x is even.
 *  6. Padding adds input_zero_point - input_zero_point = 0 to an accumulator. With the zero point
 *     folded into the bias, a tap in the padding must contribute weight * input_zero_point, as
 *     if an image of zero points surrounded the input.
 *
 * The exporter proves, op by op, what the fast routines require (|x| < 2^30, shifts of 1 to 31);
 * other ops use a kernel with edge_rescale_any().
 */
#ifndef EDGE_REQUANTIZE_H
#define EDGE_REQUANTIZE_H

#include <stdint.h>

#include "edge_kernels.h"
#include "edge_target.h"

/* >> of negative numbers is implementation-defined; every relevant compiler keeps the sign. */
typedef char edge_right_shift_must_be_arithmetic[(INT32_C(-5) >> 1) == -3 ? 1 : -1];

/* (a * b + 2^31) >> 32. */
static inline int32_t edge_multiply_high(int32_t a, int32_t b) {
#if EDGE_CORE_DSP
  int32_t high;
  __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(a), "r"(b));
  return high;
#elif EDGE_FEW_REGISTERS
  /* By halves of 16 bits: such cores have no product of 64 bits, and its routine computes more. */
  const int32_t a_high = a >> 16;
  const int32_t b_high = b >> 16;
  const uint32_t a_low = (uint32_t)a & 0xFFFF;
  const uint32_t b_low = (uint32_t)b & 0xFFFF;
  const int32_t middle = a_high * (int32_t)b_low + (int32_t)(a_low * b_low >> 16);
  const int32_t rest = (int32_t)a_low * b_high + (middle & 0xFFFF);
  return a_high * b_high + (middle >> 16) + (((rest >> 15) + 1) >> 1);
#else
  /* The upper bit of the low half decides the rounding: no carry needed. */
  const int64_t product = (int64_t)a * b;
  return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
#endif
}

static inline int32_t edge_clamp(int32_t x, int32_t low, int32_t high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/* x / 2^shift, ties away from zero, for |x| < 2^30 and 0 <= shift <= 31. */
static inline int32_t edge_divide_by_power(int32_t x, int32_t shift) {
  const int32_t rounds = -(int32_t)(shift > 0);
  return (x + ((x >> 31) & rounds) + (int32_t)((UINT32_C(1) << shift) >> 1)) >> shift;
}

/* x * multiplier / 2^31 / 2^shift for |x| < 2^30, multiplier >= 0 and 1 <= shift <= 31. */
static inline int32_t edge_requantize(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t high = edge_multiply_high(x * 2, multiplier);
  return (high + (high >> 31) + (int32_t)((UINT32_C(1) << shift) >> 1)) >> shift;
}

/* The same with shifts from -28 to 31; a negative one is a left shift and applied first:
 * |x| << -shift must be below 2^30. */
static inline int32_t edge_rescale(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t left = shift < 0 ? -shift : 0;
  const int32_t right = shift < 0 ? 0 : shift;
  const int32_t high = edge_multiply_high(x * (INT32_C(2) << left), multiplier);
  return edge_divide_by_power(high, right);
}

/* The number whose two's complement is x. */
static inline int32_t edge_wrap(uint32_t x) {
  return x <= (uint32_t)INT32_MAX ? (int32_t)x : -(int32_t)(UINT32_MAX - x) - 1;
}

/* The same as edge_rescale() for any x; a left shift that overflows drops the high bits, as the
 * reference does on every machine. Slow. */
static inline int32_t edge_rescale_any(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t left = shift < 0 ? -shift : 0;
  const int32_t shifted = edge_wrap((uint32_t)x << left);
  const int64_t product = (int64_t)shifted * multiplier + (INT64_C(1) << 30);
  const int32_t high = (int32_t)(product >> 31);
  if (shift <= 0) {
    return high;
  }
  /* Halving last keeps the rounding term from overflowing. */
  return (((high + (high >> 31)) >> (shift - 1)) + 1) >> 1;
}

/* Scaling of one channel's sums to outputs. Passed by value: then the compiler knows that writing
 * an output does not change it, and keeps it in registers. */
typedef struct {
  int32_t multiplier, shift;
  int32_t rounding; /* of the shift, and zero_point - low << shift (fact 4) */
  int32_t low;
  uint32_t range;      /* high - low */
  const int8_t *table; /* from the lowest output on, or NULL */
} edge_output_t;

/* Shifts are 1 to 22: then neither rounding, at most 255.5 * 2^22, nor its sum with a high half
 * below 2^30 overflows. */
static inline edge_output_t edge_output_of(int32_t multiplier, int32_t shift, int32_t zero_point,
                                           int32_t low, int32_t high, const int8_t *table) {
  const edge_output_t to = {
      multiplier,
      shift,
      (zero_point - low) * (INT32_C(1) << shift) + (INT32_C(1) << (shift - 1)),
      low,
      (uint32_t)(high - low),
      table ? table + (low + 128) : table};
  return to;
}

/* How far an output is above the lowest one. */
static inline int32_t edge_above(edge_output_t to, int32_t sum) {
  const int32_t high = edge_multiply_high(sum * 2, to.multiplier);
  const int32_t above = (high + (high >> 31) + to.rounding) >> to.shift;
  /* One comparison where nothing is clamped. */
  if ((uint32_t)above <= to.range) {
    return above;
  }
  return above < 0 ? 0 : (int32_t)to.range;
}

static inline int8_t edge_output(edge_output_t to, int32_t sum) {
  const int32_t above = edge_above(to, sum);
  return to.table ? to.table[above] : (int8_t)(above + to.low);
}

/* Pixels whose sums are computed before they are scaled: the two loops together would need more
 * registers than most cores have. */
#define EDGE_TILE 32

/* Scales the sums of some pixels, of one channel; `step` is from one output to the next. */
static inline void edge_outputs(edge_output_t to, const int32_t *sums, uint32_t pixels, int8_t *out,
                                uint32_t step) {
  if (to.table) {
    for (; pixels > 0; pixels--, out += step) {
      *out = to.table[edge_above(to, *sums++)];
    }
    return;
  }
  for (; pixels > 1; pixels -= 2, sums += 2, out += 2 * step) {
    out[0] = (int8_t)(edge_above(to, sums[0]) + to.low);
    out[step] = (int8_t)(edge_above(to, sums[1]) + to.low);
  }
  if (pixels > 0) {
    *out = (int8_t)(edge_above(to, *sums) + to.low);
  }
}

/* edge_add and edge_mul for two values. Pass a local copy of the parameters: then the
 * compiler knows that writing an output does not change them. */
static inline int8_t edge_sum(const edge_add_t *p, int32_t a, int32_t b) {
  const int32_t scaled_a = (a - p->a_zero_point) * (p->a_sign * (INT32_C(1) << 19));
  const int32_t shifted_b = (b - p->b_zero_point) * (1 << 20);
  const int32_t scaled_b = edge_requantize(shifted_b, p->b_multiplier, p->b_shift);
  const int32_t sum = scaled_a + scaled_b * p->b_sign;
  const int32_t out = edge_requantize(sum, p->multiplier, p->shift);
  return (int8_t)edge_clamp(out + p->zero_point, p->low, p->high);
}

static inline int8_t edge_product(const edge_mul_t *p, int32_t a, int32_t b) {
  const int32_t product = (a - p->a_zero_point) * (b - p->b_zero_point);
  const int32_t out = edge_rescale(product, p->multiplier, p->shift);
  return (int8_t)edge_clamp(out + p->zero_point, p->low, p->high);
}

#endif
