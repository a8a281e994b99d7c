#include "edge_dsp.h"

/* A block of pixels is widened to 16 bits in the scratch; then each output channel goes over it,
 * four pixels at a time, so that a weight is read once for four products.
 *
 * In the scratch, a group of four pixels lies as
 *     for each four inputs:  even and odd bytes of pixel 0, of pixel 1, 2, 3    (8 words)
 *     for each one left:     pairs of pixels (0, 1) and (2, 3)                  (2 words)
 * A group that has fewer pixels repeats its first one, also as regards where results go. */

#define GROUP 4

typedef edge_pointwise_t params_t;

/* As many pixels as the scratch holds. */
static uint32_t block_size(uint32_t depth) { return depth <= 32 ? 16 : depth <= 64 ? 8 : GROUP; }

/* Returns where the next group goes. */
static uint32_t *widen(const int8_t *x, uint32_t depth, uint32_t pixels, uint32_t *to)
{
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

/* One channel of a group: four sums that begin with the bias.
 *
 * r3 to r6 take two pixels at once. The loop does eight inputs, at an odd number of fours it is
 * entered in its middle: 28 instructions for 32 products. */
static inline const uint32_t *dot(const int8_t *w, const uint32_t *x, uint32_t depth,
                                  int32_t sum[GROUP])
{
    int32_t s0 = sum[0];
    int32_t s1 = sum[1];
    int32_t s2 = sum[2];
    int32_t s3 = sum[3];
    int32_t fours = (int32_t)(depth / 4);
    if (fours > 0) {
        uint32_t even;
        uint32_t odd;
#define FOUR_INPUTS                        \
    "ldr %[odd], [%[w]], #4\n\t"           \
    "ldmia %[x]!, {r3, r4, r5, r6}\n\t"    \
    "sxtb16 %[even], %[odd]\n\t"           \
    "sxtb16 %[odd], %[odd], ror #8\n\t"    \
    "smlad %[s0], r3, %[even], %[s0]\n\t"  \
    "smlad %[s1], r5, %[even], %[s1]\n\t"  \
    "smlad %[s0], r4, %[odd], %[s0]\n\t"   \
    "smlad %[s1], r6, %[odd], %[s1]\n\t"   \
    "ldmia %[x]!, {r3, r4, r5, r6}\n\t"    \
    "smlad %[s2], r3, %[even], %[s2]\n\t"  \
    "smlad %[s3], r5, %[even], %[s3]\n\t"  \
    "smlad %[s2], r4, %[odd], %[s2]\n\t"   \
    "smlad %[s3], r6, %[odd], %[s3]\n\t"
        __asm__("lsls %[odd], %[fours], #31\n\t"
                "bne 2f\n"
                "1:\n\t" FOUR_INPUTS
                "2:\n\t" FOUR_INPUTS
                "subs %[fours], #2\n\t"
                "bgt 1b"
                : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [w] "+r"(w),
                  [x] "+r"(x), [fours] "+r"(fours), [even] "=&r"(even), [odd] "=&r"(odd)
                :
                : "r3", "r4", "r5", "r6", "cc", "memory");
#undef FOUR_INPUTS
    }
    for (uint32_t left = depth % 4; left > 0; left--, x += 2) {
        const int32_t weight = *w++;
        s0 = edge_smlabb((uint32_t)weight, x[0], s0);
        s1 = edge_smlabt((uint32_t)weight, x[0], s1);
        s2 = edge_smlabb((uint32_t)weight, x[1], s2);
        s3 = edge_smlabt((uint32_t)weight, x[1], s3);
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
    return x;
}

/* All channels of the pixels in the scratch. */
static void block(const params_t *p, const uint32_t *x, uint32_t pixels, int8_t *out)
{
    const uint32_t depth = p->in_channels;
    const uint32_t channels = p->out_channels;
    const int8_t *w = p->weights;
    for (uint32_t o = 0; o < channels; o++, w += depth) {
        const int32_t bias = p->bias[o];
        const edge_scale_t scale = edge_scale(p->multiplier[o], p->shift[o], p->zero_point);
        const uint32_t *group = x;
        int8_t *y = out + o;
        for (uint32_t left = pixels;; left -= GROUP, y += GROUP * channels) {
            int32_t sum[GROUP] = {bias, bias, bias, bias};
            group = dot(w, group, depth, sum);
            y[0] = (int8_t)edge_scaled(sum[0] * 2, scale);
            y[left > 1 ? channels : 0] = (int8_t)edge_scaled(sum[1] * 2, scale);
            y[left > 2 ? 2 * channels : 0] = (int8_t)edge_scaled(sum[2] * 2, scale);
            y[left > 3 ? 3 * channels : 0] = (int8_t)edge_scaled(sum[3] * 2, scale);
            if (left <= GROUP) {
                break;
            }
        }
    }
    edge_dsp_look_up(p->table, p->low, p->high, out, pixels * channels);
}

void edge_pointwise(const params_t *p, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t depth = p->in_channels;
    const uint32_t most = block_size(depth);
    for (uint32_t row = 0; row < p->rows; row++) {
        const int8_t *x = in + row * p->in_row;
        int8_t *y = out + row * p->out_row;
        uint32_t pixels;
        for (uint32_t left = p->width; left > 0; left -= pixels) {
            pixels = left < most ? left : most;
            uint32_t *to = scratch;
            for (uint32_t i = 0; i < pixels; i += GROUP, x += GROUP * depth) {
                to = widen(x, depth, pixels - i, to);
            }
            x -= (0 - pixels) % GROUP * depth;
            block(p, scratch, pixels, y);
            y += pixels * p->out_channels;
        }
    }
}
