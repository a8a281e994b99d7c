/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over taps in two layouts.
 *
 * Lanes are pixels: a vector has one channel of eight pixels. Its bytes are not adjacent and are
 * gathered, which a core does one by one; but multiplier, shift and weights are then scalars, and
 * nothing depends on the number of channels.
 *
 * Lanes are channels: if the number of channels is a multiple of eight, with many taps and few
 * pixels. No pixel is processed twice, and all bytes are adjacent.
 */
#include <stddef.h>

#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_mve_taps.h"

#define LANES 8

/* Offsets of eight pixels, from the first one of a run on, and of the last eight: the last vector
 * ends with the last pixel and may repeat some of the one before. If there are fewer than eight,
 * the last one fills the vector. */
typedef struct {
  uint16x8_t first, last;
} places_t;

static inline places_t find_places(uint32_t pixels, uint32_t step) {
  const uint32_t most = pixels - 1;
  const uint16x8_t lanes = vminq_u16(vidupq_n_u16(0, 1), vdupq_n_u16((uint16_t)most));
  const uint32_t last = most >= LANES ? pixels - LANES : 0;
  places_t places;
  places.first = vmulq_n_u16(lanes, (uint16_t)step);
  places.last = vaddq_n_u16(places.first, (uint16_t)(last * step));
  return places;
}

/* The next eight. */
static inline uint16x8_t next_places(uint16x8_t places, uint32_t step, uint16x8_t last) {
  return vminq_u16(vaddq_n_u16(places, (uint16_t)(LANES * step)), last);
}

/* The bias of a channel plus the contribution of its taps in the padding. */
static inline int32_t bias_of(const edge_mve_stretch_t *s, uint32_t channel) {
  int32_t weights = 0;
  for (uint32_t k = 0; k < s->outside_count; k++) {
    weights += s->outside[k].weights[channel];
  }
  return s->bias[channel] + s->padding * weights;
}

/* One channel of all pixels; the order is known to the assembly. */
typedef struct {
  edge_mve_tap_t taps[4];
  uint32_t step; /* bytes from eight pixels to the next */
  uint32_t eights;
  int32_t zero_point;
  uint32_t channel;
  int32_t last_tap; /* -1, or 0: its weights are 0 */
  int32_t left;     /* minus the shift */
  int8_t *out;
  int32_t bias;
  int32_t multiplier;
  uint16x8_t first, last; /* places of the first and the last eight pixels */
} four_taps_t;
typedef char edge_window_sum_layout_1_is_known[(offsetof(four_taps_t, first) == 72) ? 1 : -1];

/* Naked, since it needs all registers: r0 to r7 are the taps and their weights, q0 the places. */
static __attribute__((naked, noinline)) void sum_four_taps(const four_taps_t *taps
                                                           __attribute__((unused))) {
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
      "vpush {d8-d13}\n\t"
      "mov r11, r0\n\t"
      "ldm r0, {r0, r1, r2, r3, r4, r5, r6, r7}\n\t"
      "ldrd r8, r9, [r11, #40]\n\t"
      "vdup.16 q6, r8\n\t"
      "vldrw.u32 q0, [r11, #72]\n\t"
      "vldrw.u32 q1, [r11, #88]\n\t"
      "ldr r10, [r11, #48]\n\t"
      "ldrsb r1, [r1, r9]\n\t"
      "ldrsb r3, [r3, r9]\n\t"
      "ldrsb r5, [r5, r9]\n\t"
      "ldrsb r7, [r7, r9]\n\t"
      "vadd.i16 q0, q0, r9\n\t"
      "vadd.i16 q1, q1, r9\n\t"
      "and r7, r7, r10\n\t"
      "ldrd r12, lr, [r11, #32]\n\t"
      "ldrd r8, r9, [r11, #56]\n\t"
      "ldr r10, [r11, #64]\n\t"
      "ldr r11, [r11, #52]\n\t"
      "dls lr, lr\n"
      "1:\n\t"
      "vldrb.s16 q2, [r0, q0]\n\t"
      "vmul.i16 q2, q2, r1\n\t"
      "vldrb.s16 q3, [r2, q0]\n\t"
      "vmla.s16 q2, q3, r3\n\t"
      "vldrb.s16 q3, [r4, q0]\n\t"
      "vmul.i16 q3, q3, r5\n\t"
      "vldrb.s16 q4, [r6, q0]\n\t"
      "vmla.s16 q3, q4, r7\n\t"
      "vmovlb.s16 q4, q2\n\t"
      "vmovlb.s16 q5, q3\n\t"
      "vadd.i32 q4, q4, q5\n\t"
      "vmovlt.s16 q2, q2\n\t"
      "vmovlt.s16 q3, q3\n\t"
      "vadd.i32 q2, q2, q3\n\t"
      "vadd.i32 q4, q4, r9\n\t"
      "vadd.i32 q2, q2, r9\n\t"
      "vshr.s32 q5, q4, #31\n\t"
      "vshr.s32 q3, q2, #31\n\t"
      "vqrdmlah.s32 q5, q4, r10\n\t"
      "vqrdmlah.s32 q3, q2, r10\n\t"
      "vrshl.s32 q5, r11\n\t"
      "vrshl.s32 q3, r11\n\t"
      "vqmovnb.s32 q5, q5\n\t"
      "vqmovnt.s32 q5, q3\n\t"
      "vqadd.s16 q5, q5, q6\n\t"
      "vqmovnb.s16 q5, q5\n\t"
      "vstrb.16 q5, [r8, q0]\n\t"
      "vadd.i16 q0, q0, r12\n\t"
      "vmin.u16 q0, q0, q1\n\t"
      "le lr, 1b\n\t"
      "vpop {d8-d13}\n\t"
      "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
}

/* Three or four taps, and equal steps. */
static __attribute__((noinline)) void sum_four(const edge_mve_stretch_t *s, int8_t *out) {
  const uint32_t step = s->in_step;
  const uint32_t channels = s->channels;
  const places_t places = find_places(s->pixels, step);
  four_taps_t four;
  for (uint32_t k = 0; k < 3; k++) {
    four.taps[k] = s->taps[k];
  }
  four.taps[3] = s->taps[s->count > 3 ? 3 : 0];
  four.last_tap = s->count > 3 ? -1 : 0;
  four.step = LANES * step;
  four.eights = (s->pixels + LANES - 1) / LANES;
  four.zero_point = s->zero_point;
  four.out = out;
  four.first = places.first;
  four.last = places.last;
  for (uint32_t o = 0; o < channels; o++) {
    four.channel = o;
    four.bias = s->outside_count > 0 ? bias_of(s, o) : s->bias[o];
    four.multiplier = s->multiplier[o];
    four.left = -s->shift[o];
    sum_four_taps(&four);
  }
}

/* One channel of all pixels; the order is known to the assembly. */
typedef struct {
  const edge_mve_tap_t *taps;
  uint32_t pairs; /* of taps */
  int8_t *out;
  uint32_t sixteens; /* blocks of pixels */
  int32_t bias, multiplier;
  int32_t left; /* minus the shift */
  int32_t zero_point;
  uint32_t in_step, out_step; /* bytes from a block to the next */
  uint32_t is_odd;            /* whether another tap follows the pairs */
  uint32_t channel;
  uint16x8_t to[2], last_to, from[2], last_from; /* places; of the first and the second eight */
} pairs_t;
typedef char
    edge_window_sum_layout_2_is_known[(offsetof(pairs_t, to) == 48 && sizeof(pairs_t) == 144) ? 1
                                                                                              : -1];

/* Sixteen pixels at a time, as twice eight: q2 and q3 are the even and odd sums of the first, q4
 * and q5 of the others. */
static __attribute__((naked, noinline)) void sum_all_pairs(pairs_t *p __attribute__((unused))) {
#define ADD(even, odd)       \
  "vmovlb.s16 q7, q6\n\t"    \
  "vadd.i32 " even ", " even \
  ", q7\n\t"                 \
  "vmovlt.s16 q6, q6\n\t"    \
  "vadd.i32 " odd ", " odd ", q6\n\t"
#define ONE_TAP(places, even, odd) \
  "vldrb.s16 q6, [r0, " places     \
  "]\n\t"                          \
  "vmul.i16 q6, q6, r1\n\t" ADD(even, odd)
#define TWO_TAPS(places, even, odd) \
  "vldrb.s16 q6, [r0, " places      \
  "]\n\t"                           \
  "vmul.i16 q6, q6, r1\n\t"         \
  "vldrb.s16 q7, [r2, " places      \
  "]\n\t"                           \
  "vmla.s16 q6, q7, r3\n\t" ADD(even, odd)
#define STORE(even, odd, to)  \
  "vshr.s32 q6, " even        \
  ", #31\n\t"                 \
  "vqrdmlah.s32 q6, " even    \
  ", r0\n\t"                  \
  "vshr.s32 q7, " odd         \
  ", #31\n\t"                 \
  "vqrdmlah.s32 q7, " odd     \
  ", r0\n\t"                  \
  "vrshl.s32 q6, r1\n\t"      \
  "vrshl.s32 q7, r1\n\t"      \
  "vqmovnb.s32 q6, q6\n\t"    \
  "vqmovnt.s32 q6, q7\n\t"    \
  "vqadd.s16 q6, q6, r2\n\t"  \
  "vldrw.u32 q7, [r4, #" to   \
  "]\n\t"                     \
  "vqmovnb.s16 q6, q6\n\t"    \
  "vstrb.16 q6, [r5, q7]\n\t" \
  "vldrw.u32 " even           \
  ", [r4, #80]\n\t"           \
  "vadd.i16 q7, q7, r7\n\t"   \
  "vmin.u16 q7, q7, " even    \
  "\n\t"                      \
  "vstrw.32 q7, [r4, #" to "]\n\t"
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, lr}\n\t"
      "vpush {d8-d15}\n\t"
      "mov r4, r0\n\t"
      "ldrd r5, r6, [r4, #8]\n\t"
      "ldrd r9, r10, [r4, #40]\n\t"
      "mov r7, r9\n\t"
      "vldrw.u32 q0, [r4, #96]\n\t"
      "vldrw.u32 q1, [r4, #112]\n"
      "1:\n\t"
      "ldr r0, [r4, #16]\n\t"
      "ldrd r8, lr, [r4]\n\t"
      "vdup.32 q2, r0\n\t"
      "vdup.32 q3, r0\n\t"
      "vdup.32 q4, r0\n\t"
      "vdup.32 q5, r0\n\t"
      "wls lr, lr, 3f\n"
      "2:\n\t"
      "ldm r8!, {r0, r1, r2, r3}\n\t"
      "ldrsb r1, [r1, r10]\n\t"
      "ldrsb r3, [r3, r10]\n\t"
      TWO_TAPS("q0", "q2", "q3")
      TWO_TAPS("q1", "q4", "q5")
      "le lr, 2b\n"
      "3:\n\t"
      "cbz r7, 4f\n\t"
      "ldrd r0, r1, [r8]\n\t"
      "ldrsb r1, [r1, r10]\n\t"
      ONE_TAP("q0", "q2", "q3")
      ONE_TAP("q1", "q4", "q5")
      "4:\n\t"
      "ldrd r0, r1, [r4, #20]\n\t"
      "ldrd r2, r3, [r4, #28]\n\t"
      "ldr r7, [r4, #36]\n\t"
      STORE("q2", "q3", "48")
      STORE("q4", "q5", "64")
      "mov r7, r9\n\t"
      "vldrw.u32 q2, [r4, #128]\n\t"
      "vadd.i16 q0, q0, r3\n\t"
      "vmin.u16 q0, q0, q2\n\t"
      "vadd.i16 q1, q1, r3\n\t"
      "vmin.u16 q1, q1, q2\n\t"
      "subs r6, r6, #1\n\t"
      "bne.w 1b\n\t"
      "vpop {d8-d15}\n\t"
      "pop {r4, r5, r6, r7, r8, r9, r10, pc}");
#undef ADD
#undef ONE_TAP
#undef TWO_TAPS
#undef STORE
}

/* Any number of taps and any steps. */
static __attribute__((noinline)) void sum_pairs(const edge_mve_stretch_t *s, int8_t *out) {
  const places_t from = find_places(s->pixels, s->in_step);
  const places_t to = find_places(s->pixels, s->out_step);
  pairs_t pairs = {
      .taps = s->taps,
      .pairs = s->count / 2,
      .sixteens = (s->pixels + 2 * LANES - 1) / (2 * LANES),
      .zero_point = s->zero_point,
      .in_step = 2 * LANES * s->in_step,
      .out_step = 2 * LANES * s->out_step,
      .is_odd = s->count % 2,
      .last_to = to.last,
  };
  for (uint32_t o = 0; o < s->channels; o++) {
    pairs.channel = o;
    pairs.out = out + o;
    pairs.bias = s->outside_count > 0 ? bias_of(s, o) : s->bias[o];
    pairs.multiplier = s->multiplier[o];
    pairs.left = -s->shift[o];
    pairs.from[0] = vaddq_n_u16(from.first, (uint16_t)o);
    pairs.last_from = vaddq_n_u16(from.last, (uint16_t)o);
    pairs.from[1] = next_places(pairs.from[0], s->in_step, pairs.last_from);
    pairs.to[0] = to.first;
    pairs.to[1] = next_places(to.first, s->out_step, to.last);
    sum_all_pairs(&pairs);
  }
}

/* Adds eight 16-bit sums to the even and the odd of eight. */
static inline void add(int32x4_t sums[2], int16x8_t more) {
  sums[0] = vaddq_s32(sums[0], vmovlbq_s16(more));
  sums[1] = vaddq_s32(sums[1], vmovltq_s16(more));
}

static inline int16x8_t product(const edge_mve_tap_t *tap, uint32_t offset, uint32_t channel) {
  return vmulq_s16(vldrbq_s16(tap->from + offset), vldrbq_s16(tap->weights + channel));
}

static inline int32x4_t scaled(int32x4_t sums, int32x4_t multiplier, int32x4_t left) {
  const int32x4_t high = vqrdmulhq_s32(sums, multiplier);
  return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), left);
}

/* Eight channels of all pixels: lanes are channels. */
static __attribute__((noinline)) void sum_eight(const edge_mve_stretch_t *s, uint32_t channel,
                                                int8_t *out) {
  int16x8_t outside = vdupq_n_s16(0);
  for (uint32_t k = 0; k < s->outside_count; k++) {
    outside = vaddq_s16(outside, vldrbq_s16(s->outside[k].weights + channel));
  }
  const int32x4x2_t given = vld2q_s32(s->bias + channel);
  const int32x4x2_t multiplier = vld2q_s32(s->multiplier + channel);
  const int16x8_t left = vnegq_s16(vldrbq_s16(s->shift + channel));
  const int32x4_t bias[2] = {
      vmlaq_n_s32(given.val[0], vmovlbq_s16(outside), s->padding),
      vmlaq_n_s32(given.val[1], vmovltq_s16(outside), s->padding),
  };
  uint32_t offset = channel;
  for (uint32_t i = s->pixels; i > 0; i--, offset += s->in_step) {
    int32x4_t sums[2] = {bias[0], bias[1]};
    const edge_mve_tap_t *tap = s->taps;
    for (uint32_t k = s->count / 2; k > 0; k--, tap += 2) {
      add(sums, vaddq_s16(product(tap, offset, channel), product(tap + 1, offset, channel)));
    }
    if (s->count % 2 != 0) {
      add(sums, product(tap, offset, channel));
    }
    const int32x4_t even = scaled(sums[0], multiplier.val[0], vmovlbq_s16(left));
    const int32x4_t odd = scaled(sums[1], multiplier.val[1], vmovltq_s16(left));
    const int16x8_t halves = vqaddq_n_s16(edge_mve_halves(even, odd), s->zero_point);
    vstrbq_s16(out + channel, edge_mve_saturate_halves(halves));
    out += s->out_step;
  }
}

void edge_mve_sum_taps(const edge_mve_stretch_t *s, int8_t *out) {
  if ((s->count == 3 || s->count == 4) && s->in_step == s->out_step) {
    sum_four(s, out);
  } else if (s->channels % LANES == 0 && s->pixels < LANES) {
    for (uint32_t c = 0; c < s->channels; c += LANES) {
      sum_eight(s, c, out);
    }
  } else {
    sum_pairs(s, out);
  }
}
