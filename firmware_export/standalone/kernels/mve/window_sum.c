/* Sums over taps in two layouts.
 *
 * Lanes are pixels: a vector holds one channel of eight pixels. Its bytes do not lie side by side
 * and are gathered, but multiplier, shift and weights are then plain numbers, and nothing depends on
 * how many channels there are.
 *
 * Lanes are channels: where channels come by the eight and there are many taps. No pixel is done
 * twice, and all bytes lie side by side.
 */
#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_mve_taps.h"

#define LANES 8

/* How pixels are dealt to vectors: the first vector begins with the first pixel, the second
 * `first` pixels on, so that the last one ends with the last pixel; some pixels are done twice. If
 * there are fewer than eight, the last one fills the vector. */
typedef struct {
    uint16x8_t lanes; /* pixel of each lane */
    uint32_t vectors;
    uint32_t first;
} deal_t;

static inline deal_t deal_pixels(uint32_t pixels)
{
    deal_t deal;
    deal.lanes = vminq_u16(vidupq_n_u16(0, 1), vdupq_n_u16((uint16_t)(pixels - 1)));
    deal.vectors = (pixels + LANES - 1) / LANES;
    deal.first = pixels - LANES * (deal.vectors - 1);
    return deal;
}

/* The bias of a channel with what its taps in the padding give. */
static inline int32_t bias_of(const edge_mve_stretch_t *s, uint32_t channel)
{
    int32_t weights = 0;
    for (uint32_t k = 0; k < s->outside_count; k++) {
        weights += s->outside[k].weights[channel];
    }
    return s->bias[channel] + s->padding * weights;
}

/* Sums of eight pixels, those of even and those of odd lanes, to outputs: saturated, but not
 * clamped, in eight 16-bit lanes. */
static inline int16x8_t outputs(int32x4_t even, int32x4_t odd, int32_t multiplier, int32_t shift,
                                int16_t zero_point)
{
    const int16x8_t halves = edge_mve_halves(edge_mve_scale_n(even, multiplier, shift),
                                             edge_mve_scale_n(odd, multiplier, shift));
    return edge_mve_saturate_halves(vqaddq_n_s16(halves, zero_point));
}

/* Two taps of eight pixels. */
static inline int16x8_t pair(const int8_t *a, int32_t a_weight, const int8_t *b, int32_t b_weight,
                             uint16x8_t offsets)
{
    const int16x8_t first = vmulq_n_s16(vldrbq_gather_offset_s16(a, offsets), (int16_t)a_weight);
    return vmlaq_n_s16(first, vldrbq_gather_offset_s16(b, offsets), (int16_t)b_weight);
}

/* Four taps or less, and equal steps. Taps that are not there weigh nothing. */
static void sum_four(const edge_mve_stretch_t *s, int8_t *out)
{
    const deal_t deal = deal_pixels(s->pixels);
    const uint16x8_t start = vmulq_n_u16(deal.lanes, (uint16_t)s->in_step);
    const uint16_t first = (uint16_t)(deal.first * s->in_step);
    const edge_mve_tap_t a = s->taps[0];
    const edge_mve_tap_t b = s->taps[s->count > 1 ? 1 : 0];
    const edge_mve_tap_t c = s->taps[s->count > 2 ? 2 : 0];
    const edge_mve_tap_t d = s->taps[s->count > 3 ? 3 : 0];
    for (uint32_t o = 0; o < s->channels; o++) {
        const int32_t b_weight = s->count > 1 ? b.weights[o] : 0;
        const int32_t c_weight = s->count > 2 ? c.weights[o] : 0;
        const int32_t d_weight = s->count > 3 ? d.weights[o] : 0;
        const int32x4_t bias = vdupq_n_s32(bias_of(s, o));
        uint16x8_t offsets = vaddq_n_u16(start, (uint16_t)o);
        uint16_t advance = first;
        for (uint32_t i = deal.vectors; i > 0; i--) {
            const int16x8_t ab = pair(a.from, a.weights[o], b.from, b_weight, offsets);
            const int16x8_t cd = pair(c.from, c_weight, d.from, d_weight, offsets);
            const int32x4_t even = vaddq_s32(vmovlbq_s16(ab), vmovlbq_s16(cd));
            const int32x4_t odd = vaddq_s32(vmovltq_s16(ab), vmovltq_s16(cd));
            vstrbq_scatter_offset_s16(out, offsets,
                                      outputs(vaddq_s32(even, bias), vaddq_s32(odd, bias),
                                              s->multiplier[o], s->shift[o], s->zero_point));
            offsets = vaddq_n_u16(offsets, advance);
            advance = (uint16_t)(LANES * s->in_step);
        }
    }
}

/* Any number of taps and any steps. */
static void sum_any(const edge_mve_stretch_t *s, int8_t *out)
{
    const deal_t deal = deal_pixels(s->pixels);
    for (uint32_t o = 0; o < s->channels; o++) {
        const int32x4_t bias = vdupq_n_s32(bias_of(s, o));
        const int32_t multiplier = s->multiplier[o];
        const int32_t shift = s->shift[o];
        uint16x8_t offsets =
            vaddq_n_u16(vmulq_n_u16(deal.lanes, (uint16_t)s->in_step), (uint16_t)o);
        uint16x8_t places =
            vaddq_n_u16(vmulq_n_u16(deal.lanes, (uint16_t)s->out_step), (uint16_t)o);
        uint32_t step = deal.first;
        for (uint32_t i = deal.vectors; i > 0; i--) {
            int32x4_t even = bias;
            int32x4_t odd = bias;
            const edge_mve_tap_t *tap = s->taps;
            for (uint32_t k = s->count / 2; k > 0; k--, tap += 2) {
                const int16x8_t both =
                    pair(tap[0].from, tap[0].weights[o], tap[1].from, tap[1].weights[o], offsets);
                even = vaddq_s32(even, vmovlbq_s16(both));
                odd = vaddq_s32(odd, vmovltq_s16(both));
            }
            if (s->count % 2 != 0) {
                const int16x8_t last = vmulq_n_s16(vldrbq_gather_offset_s16(tap->from, offsets),
                                                   tap->weights[o]);
                even = vaddq_s32(even, vmovlbq_s16(last));
                odd = vaddq_s32(odd, vmovltq_s16(last));
            }
            vstrbq_scatter_offset_s16(out, places,
                                      outputs(even, odd, multiplier, shift, s->zero_point));
            offsets = vaddq_n_u16(offsets, (uint16_t)(step * s->in_step));
            places = vaddq_n_u16(places, (uint16_t)(step * s->out_step));
            step = LANES;
        }
    }
}

/* Eight sums of 16 bits, added to the even and the odd of eight. */
static inline void add(int32x4_t sums[2], int16x8_t more)
{
    sums[0] = vaddq_s32(sums[0], vmovlbq_s16(more));
    sums[1] = vaddq_s32(sums[1], vmovltq_s16(more));
}

static inline int16x8_t product(const edge_mve_tap_t *tap, uint32_t offset, uint32_t channel)
{
    return vmulq_s16(vldrbq_s16(tap->from + offset), vldrbq_s16(tap->weights + channel));
}

static inline int32x4_t scaled(int32x4_t sums, int32x4_t multiplier, int32x4_t left)
{
    const int32x4_t high = vqrdmulhq_s32(sums, multiplier);
    return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), left);
}

/* Eight channels of all pixels: lanes are channels. */
static void sum_eight(const edge_mve_stretch_t *s, uint32_t channel, int8_t *out)
{
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

void edge_mve_sum_taps(const edge_mve_stretch_t *stretch, int8_t *out)
{
    const edge_mve_stretch_t s = *stretch;
    if (s.count > 0 && s.count <= 4 && s.in_step == s.out_step) {
        sum_four(&s, out);
    } else if (s.channels % LANES == 0) {
        for (uint32_t c = 0; c < s.channels; c += LANES) {
            sum_eight(&s, c, out);
        }
    } else {
        sum_any(&s, out);
    }
}
