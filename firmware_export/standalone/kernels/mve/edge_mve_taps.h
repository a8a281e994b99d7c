/* Sums over taps, for edge_row_sum and edge_depthwise: one channel, eight pixels at a time.
 *
 * A vector holds one channel of eight pixels. Its bytes do not lie side by side and are gathered,
 * but multiplier, shift and weights are then plain numbers, and nothing depends on how many
 * channels there are.
 *
 * Products of int8 take 15 bits: two may be added in 16 bits unless both weights are -128. So
 * taps come in pairs, and who has a weight of -128 goes another way.
 */
#ifndef EDGE_MVE_TAPS_H
#define EDGE_MVE_TAPS_H

#include "edge_mve.h"

#define EDGE_MVE_LANES 8
/* Of one window. */
#define EDGE_MVE_TAPS 32

/* One tap: values of the first pixel and weights, of channel 0. */
typedef struct {
    const int8_t *from;
    const int8_t *weights;
} edge_mve_tap_t;

/* A stretch of pixels with the same taps.
 *
 * `outside` are taps in the padding, which has the value `padding`. */
typedef struct {
    const edge_mve_tap_t *taps;
    const edge_mve_tap_t *outside;
    uint32_t count, outside_count;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    uint32_t channels;
    uint32_t pixels;
    uint32_t in_step, out_step; /* bytes from pixel to pixel; of all pixels at most 65535 */
    int32_t padding;
    int16_t zero_point;
} edge_mve_stretch_t;

/* From a sum to an output of one channel. */
typedef struct {
    int32x4_t bias;
    int16x8_t zero_point;
    int32_t multiplier;
    int32_t shift;
} edge_mve_scaling_t;

/* Whether weights leave pairs of products in 16 bits. */
static inline int edge_mve_pairs_fit(const int8_t *weights, uint32_t size)
{
    int8_t least = 0;
    for (int32_t left = (int32_t)size; left > 0; left -= 16, weights += 16) {
        least = vminvq_s8(least, vldrbq_z_s8(weights, vctp8q((uint32_t)left)));
    }
    return least > -128;
}

static inline edge_mve_scaling_t edge_mve_scaling(const edge_mve_stretch_t *s, uint32_t channel)
{
    int32_t weights = 0;
    for (uint32_t k = 0; k < s->outside_count; k++) {
        weights += s->outside[k].weights[channel];
    }
    edge_mve_scaling_t scaling;
    scaling.bias = vdupq_n_s32(s->bias[channel] + s->padding * weights);
    scaling.zero_point = vdupq_n_s16(s->zero_point);
    scaling.multiplier = s->multiplier[channel];
    scaling.shift = s->shift[channel];
    return scaling;
}

/* Sums of eight pixels, those of even and those of odd lanes, to outputs: saturated, but not
 * clamped, in eight 16-bit lanes. */
static inline int16x8_t edge_mve_outputs(const edge_mve_scaling_t *scaling, int32x4_t even,
                                         int32x4_t odd)
{
    even = edge_mve_scale_n(vaddq_s32(even, scaling->bias), scaling->multiplier, scaling->shift);
    odd = edge_mve_scale_n(vaddq_s32(odd, scaling->bias), scaling->multiplier, scaling->shift);
    const int16x8_t both = vqaddq_s16(edge_mve_halves(even, odd), scaling->zero_point);
    return edge_mve_saturate_halves(both);
}

/* Two taps of eight pixels. */
static inline int16x8_t edge_mve_pair(const int8_t *a, int32_t a_weight, const int8_t *b,
                                      int32_t b_weight, uint16x8_t offsets)
{
    const int16x8_t first = vmulq_n_s16(vldrbq_gather_offset_s16(a, offsets), (int16_t)a_weight);
    return vmlaq_n_s16(first, vldrbq_gather_offset_s16(b, offsets), (int16_t)b_weight);
}

/* How pixels are dealt to vectors: the first vector begins with the first pixel, the second
 * `first` pixels on, so that the last one ends with the last pixel; some pixels are done twice. If
 * there are fewer than eight, the last one fills the vector. */
typedef struct {
    uint16x8_t lanes; /* pixel of each lane */
    uint32_t vectors;
    uint32_t first;
} edge_mve_deal_t;

static inline edge_mve_deal_t edge_mve_deal(uint32_t pixels)
{
    edge_mve_deal_t deal;
    deal.lanes = vminq_u16(vidupq_n_u16(0, 1), vdupq_n_u16((uint16_t)(pixels - 1)));
    deal.vectors = (pixels + EDGE_MVE_LANES - 1) / EDGE_MVE_LANES;
    deal.first = pixels - EDGE_MVE_LANES * (deal.vectors - 1);
    return deal;
}

/* Channel `c` of a stretch with four taps or less, and equal steps. Taps that are not there weigh
 * nothing. */
static inline void edge_mve_sum_four(const edge_mve_stretch_t *s, const edge_mve_deal_t *deal,
                                     uint32_t c, int8_t *out)
{
    const edge_mve_scaling_t scaling = edge_mve_scaling(s, c);
    const int8_t *from[4];
    int32_t weight[4];
    for (uint32_t k = 0; k < 4; k++) {
        const edge_mve_tap_t *tap = s->taps + (k < s->count ? k : 0);
        from[k] = tap->from;
        weight[k] = k < s->count ? tap->weights[c] : 0;
    }
    uint16x8_t offsets = vaddq_n_u16(vmulq_n_u16(deal->lanes, (uint16_t)s->in_step), (uint16_t)c);
    uint16_t advance = (uint16_t)(deal->first * s->in_step);
    const uint16_t whole = (uint16_t)(EDGE_MVE_LANES * s->in_step);
    for (uint32_t i = deal->vectors; i > 0; i--) {
        const int16x8_t a = edge_mve_pair(from[0], weight[0], from[1], weight[1], offsets);
        const int16x8_t b = edge_mve_pair(from[2], weight[2], from[3], weight[3], offsets);
        const int32x4_t even = vaddq_s32(vmovlbq_s16(a), vmovlbq_s16(b));
        const int32x4_t odd = vaddq_s32(vmovltq_s16(a), vmovltq_s16(b));
        vstrbq_scatter_offset_s16(out, offsets, edge_mve_outputs(&scaling, even, odd));
        offsets = vaddq_n_u16(offsets, advance);
        advance = whole;
    }
}

/* The same for any number of taps and any steps. */
static inline void edge_mve_sum_any(const edge_mve_stretch_t *s, const edge_mve_deal_t *deal,
                                    uint32_t c, int8_t *out)
{
    const edge_mve_scaling_t scaling = edge_mve_scaling(s, c);
    uint16x8_t offsets = vaddq_n_u16(vmulq_n_u16(deal->lanes, (uint16_t)s->in_step), (uint16_t)c);
    uint16x8_t places = vaddq_n_u16(vmulq_n_u16(deal->lanes, (uint16_t)s->out_step), (uint16_t)c);
    uint32_t step = deal->first;
    for (uint32_t i = deal->vectors; i > 0; i--) {
        int32x4_t even = vdupq_n_s32(0);
        int32x4_t odd = even;
        const edge_mve_tap_t *tap = s->taps;
        for (uint32_t k = s->count / 2; k > 0; k--, tap += 2) {
            const int16x8_t pair = edge_mve_pair(tap[0].from, tap[0].weights[c], tap[1].from,
                                                 tap[1].weights[c], offsets);
            even = vaddq_s32(even, vmovlbq_s16(pair));
            odd = vaddq_s32(odd, vmovltq_s16(pair));
        }
        if (s->count % 2 != 0) {
            const int16x8_t x = vldrbq_gather_offset_s16(tap->from, offsets);
            const int16x8_t products = vmulq_n_s16(x, tap->weights[c]);
            even = vaddq_s32(even, vmovlbq_s16(products));
            odd = vaddq_s32(odd, vmovltq_s16(products));
        }
        vstrbq_scatter_offset_s16(out, places, edge_mve_outputs(&scaling, even, odd));
        offsets = vaddq_n_u16(offsets, (uint16_t)(step * s->in_step));
        places = vaddq_n_u16(places, (uint16_t)(step * s->out_step));
        step = EDGE_MVE_LANES;
    }
}

/* All outputs of a stretch; not clamped, see edge_mve_finish(). */
static inline void edge_mve_sum_taps(const edge_mve_stretch_t *s, int8_t *out)
{
    const edge_mve_deal_t deal = edge_mve_deal(s->pixels);
    for (uint32_t c = 0; c < s->channels; c++) {
        if (s->count > 0 && s->count <= 4 && s->in_step == s->out_step) {
            edge_mve_sum_four(s, &deal, c, out);
        } else {
            edge_mve_sum_any(s, &deal, c, out);
        }
    }
}

#endif
