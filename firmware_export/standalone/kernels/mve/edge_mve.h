/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the kernels for MVE (Helium).
 *
 * They use two layouts:
 *   lanes are pixels: one output channel, so its multiplier and shift are plain registers, and fact
 *     2 and the sign of fact 3 in edge_requantize.h are one VQRDMLAH. Sums come from VMLADAV, or
 *     from gathered values and VMLA;
 *   lanes are channels: multipliers and shifts are vectors.
 */
#ifndef EDGE_MVE_H
#define EDGE_MVE_H

#include <arm_mve.h>
#include <stdint.h>

#include "edge_attributes.h"
#include "edge_kernels.h"

#define EDGE_MVE_PIXELS 4 /* per call of edge_mve_dot() */

/* GCC 12 wastes instructions on some intrinsics; for it, a few are written in assembly. */
#if defined(__GNUC__) && !defined(__clang__)
#define EDGE_MVE_ASM 1
#else
#define EDGE_MVE_ASM 0
#endif

/* Makes the compiler forget what it knows about a pointer, so that offsets become part of addresses
 * instead of registers, and keeps loads through it after edge_mve_join_low(). */
#if EDGE_MVE_ASM
#define EDGE_MVE_FORGET(pointer) __asm__ volatile("" : "+r"(pointer))
#else
#define EDGE_MVE_FORGET(pointer) ((void)(pointer))
#endif

/* A vector of four numbers, made in two steps: a number need not wait in a register for the
 * others. */
static inline int32x4_t edge_mve_join_low(int32_t a, int32_t b) {
#if EDGE_MVE_ASM
  int32x4_t joined;
  __asm__ volatile("vmov %e0, %1, %2" : "=w"(joined) : "r"(a), "r"(b));
  return joined;
#else
  return vsetq_lane_s32(b, vdupq_n_s32(a), 1);
#endif
}

static inline int32x4_t edge_mve_join_high(int32x4_t low, int32_t c, int32_t d) {
#if EDGE_MVE_ASM
  __asm__("vmov %f0, %1, %2" : "+w"(low) : "r"(c), "r"(d));
  return low;
#else
  return vsetq_lane_s32(d, vsetq_lane_s32(c, low, 2), 3);
#endif
}

/* Four numbers saturated to int8, in the low bytes of 32-bit lanes. */
static inline int32x4_t edge_mve_saturate(int32x4_t x) {
#if EDGE_MVE_ASM
  int32x4_t bytes;
  __asm__("vqmovnb.s32 %q0, %q1\n\tvqmovnb.s16 %q0, %q0" : "=w"(bytes) : "w"(x));
  return bytes;
#else
  const int16x8_t halves = vqmovnbq_s32(vreinterpretq_s16_s32(x), x);
  return vreinterpretq_s32_s8(vqmovnbq_s16(vreinterpretq_s8_s16(halves), halves));
#endif
}

/* Four numbers to even 16-bit lanes, four to odd ones, saturated. */
static inline int16x8_t edge_mve_halves(int32x4_t even, int32x4_t odd) {
#if EDGE_MVE_ASM
  int16x8_t halves;
  __asm__("vqmovnb.s32 %q0, %q1\n\tvqmovnt.s32 %q0, %q2" : "=&w"(halves) : "w"(even), "w"(odd));
  return halves;
#else
  return vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(even), even), odd);
#endif
}

/* Eight numbers saturated to int8, in the low bytes of 16-bit lanes. */
static inline int16x8_t edge_mve_saturate_halves(int16x8_t x) {
#if EDGE_MVE_ASM
  int16x8_t bytes;
  __asm__("vqmovnb.s16 %q0, %q1" : "=w"(bytes) : "w"(x));
  return bytes;
#else
  return vreinterpretq_s16_s8(vqmovnbq_s16(vreinterpretq_s8_s16(x), x));
#endif
}

/* sums * multiplier / 2^31, plus the sign as in fact 3 of edge_requantize.h; VRSHL by -shift, 1 or
 * more, completes the scaling. |sums| < 2^30. The sum's sign can replace the product's: they differ
 * only if that is 0, which then rounds to 0 either way. */
static inline int32x4_t edge_mve_multiply(int32x4_t sums, int32_t multiplier) {
  return vqrdmlahq_n_s32(vshrq_n_s32(sums, 31), sums, multiplier);
}

/* Tells the compiler which bytes the assembly below reads. */
typedef struct {
  int8_t bytes[16];
} edge_mve_bytes_t;

/* The first `count` of 16 values, zeros instead of the others, which are not read. GCC would move
 * the predicate to a core register and back. */
static inline int8x16_t edge_mve_load(const int8_t *from, uint32_t count) {
#if EDGE_MVE_ASM
  int8x16_t values;
  __asm__("vctp.8 %2\n\tvpst\n\tvldrbt.u8 %q0, [%1]"
          : "=w"(values)
          : "r"(from), "r"(count), "m"(*(const edge_mve_bytes_t *)from)
          : "p0");
  return values;
#else
  return vldrbq_z_s8(from, vctp8q(count));
#endif
}

/* Copies `size` bytes; returns their end. */
static inline int8_t *edge_mve_copy(int8_t *to, const int8_t *from, uint32_t size) {
  int8_t *at = to;
  __asm__ volatile(
      "wlstp.8 lr, %[size], 1f\n"
      "2:\n\t"
      "vldrb.u8 q0, [%[from]], #16\n\t"
      "vstrb.8 q0, [%[at]], #16\n\t"
      "letp lr, 2b\n"
      "1:"
      : [at] "+r"(at), [from] "+r"(from)
      : [size] "r"(size)
      : "lr", "s0", "s1", "s2", "s3", "memory");
  return to + size;
}

/* Sets `size` bytes; returns their end. */
static inline int8_t *edge_mve_fill(int8_t *to, int32_t value, uint32_t size) {
  int8_t *at = to;
  __asm__ volatile(
      "vdup.8 q0, %[value]\n\t"
      "wlstp.8 lr, %[size], 1f\n"
      "2:\n\t"
      "vstrb.8 q0, [%[at]], #16\n\t"
      "letp lr, 2b\n"
      "1:"
      : [at] "+r"(at)
      : [size] "r"(size), [value] "r"(value)
      : "lr", "s0", "s1", "s2", "s3", "memory");
  return to + size;
}

/* Outputs of up to 4 pixels without gaps: p->in_channels values each, p->out_channels outputs,
 * `step` bytes from pixel to pixel. Ignores the struct's table, low and high; call
 * edge_mve_finish() afterwards. */
EDGE_KERNELS_ATTR void edge_mve_dot(const edge_pointwise_t *p, const int8_t *x, uint32_t pixels,
                                    uint32_t step, int8_t *out);

/* Clamps outputs, which are already saturated, then looks them up in `table`, if it is not NULL. A
 * separate pass over finished outputs costs less than handling this in every loop. */
static inline void edge_mve_finish(int8_t *bytes, uint32_t size, int8_t low, int8_t high,
                                   const int8_t *table) {
  if (low > -128 || high < 127) {
    int8_t *at = bytes;
    __asm__ volatile(
        "vdup.8 q1, %[low]\n\t"
        "vdup.8 q2, %[high]\n\t"
        "wlstp.8 lr, %[size], 1f\n"
        "2:\n\t"
        "vldrb.u8 q0, [%[at]]\n\t"
        "vmax.s8 q0, q0, q1\n\t"
        "vmin.s8 q0, q0, q2\n\t"
        "vstrb.8 q0, [%[at]], #16\n\t"
        "letp lr, 2b\n"
        "1:"
        : [at] "+r"(at)
        : [size] "r"(size), [low] "r"((int32_t)low), [high] "r"((int32_t)high)
        : "lr", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "memory");
  }
  if (table) {
    int8_t *at = bytes;
    __asm__ volatile(
        "vmov.i8 q1, #128\n\t"
        "wlstp.8 lr, %[size], 1f\n"
        "2:\n\t"
        "vldrb.u8 q0, [%[at]]\n\t"
        "veor q0, q0, q1\n\t"
        "vldrb.u8 q2, [%[table], q0]\n\t"
        "vstrb.8 q2, [%[at]], #16\n\t"
        "letp lr, 2b\n"
        "1:"
        : [at] "+r"(at)
        : [size] "r"(size), [table] "r"(table)
        : "lr", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "memory");
  }
}

#endif
