#include "edge_dsp.h"

/* A block of pixels is widened to 16 bits in the scratch; then each output channel goes over it,
 * four pixels at a time, so that a weight is read once for four products.
 *
 * In the scratch, a group of four pixels lies as
 *     for each four inputs:  even and odd bytes of pixel 0, of pixel 1, 2, 3    (8 words)
 *     for each one left:     pairs of pixels (0, 1) and (2, 3)                  (2 words)
 * A group that has fewer pixels repeats its first one, also as regards where results go. */

#define GROUP EDGE_GROUP

uint32_t *edge_dsp_widen(const int8_t *x, uint32_t depth, uint32_t pixels, uint32_t *to)
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

/* What does not change from channel to channel. */
typedef struct {
    const uint32_t *x;
    uint32_t depth, pixels, channels;
} block_t;

#define FOUR_INPUTS                       \
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

/* One output channel of a block: four sums that begin with the bias, for each group.
 *
 * r3 to r6 take two pixels at once. The assembly's loop does eight inputs, and is entered in its
 * middle at an odd number of fours: 28 instructions for 32 products. */
static __attribute__((noinline)) void channel(const block_t *block, const int8_t *weights,
                                              int32_t bias, const edge_scale_t *given, int8_t *y)
{
    const edge_scale_t scale = *given;
    const uint32_t *x = block->x;
    uint32_t step = block->channels;
    int8_t *end = y;
    int8_t rest[GROUP];
    int32_t left = (int32_t)block->pixels;
    for (; left > 0; left -= GROUP) {
        if (left < GROUP) {
            end = y;
            y = rest;
            step = 1;
        }
        const int8_t *w = weights;
        int32_t s0 = bias;
        int32_t s1 = bias;
        int32_t s2 = bias;
        int32_t s3 = bias;
        int32_t fours = (int32_t)(block->depth / 4);
        if (fours > 0) {
            uint32_t even;
            uint32_t odd;
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
        }
        for (uint32_t one = block->depth % 4; one > 0; one--, x += 2) {
            const uint32_t weight = (uint32_t)(int32_t)*w++;
            s0 = edge_smlabb(weight, x[0], s0);
            s1 = edge_smlabt(weight, x[0], s1);
            s2 = edge_smlabb(weight, x[1], s2);
            s3 = edge_smlabt(weight, x[1], s3);
        }
        *y = (int8_t)edge_scaled(s0 * 2, scale);
        y += step;
        *y = (int8_t)edge_scaled(s1 * 2, scale);
        y += step;
        *y = (int8_t)edge_scaled(s2 * 2, scale);
        y += step;
        *y = (int8_t)edge_scaled(s3 * 2, scale);
        y += step;
    }
    for (int32_t i = 0; i < (left & 3); i++) {
        end[(uint32_t)i * block->channels] = rest[i];
    }
}

void edge_dsp_all_channels(const edge_pointwise_t *p, const uint32_t *x, uint32_t pixels,
                           int8_t *out)
{
    const block_t block = {x, p->in_channels, pixels, p->out_channels};
    const int8_t *w = p->weights;
    for (uint32_t o = 0; o < block.channels; o++, w += block.depth) {
        const edge_scale_t scale = edge_scale(p->multiplier[o], p->shift[o], p->zero_point);
        channel(&block, w, p->bias[o], &scale, out + o);
    }
    edge_dsp_look_up(p->table, p->low, p->high, out, pixels * block.channels);
}

void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t depth = p->in_channels;
    const uint32_t most = edge_dsp_block_size(depth);
    for (uint32_t row = 0; row < p->rows; row++) {
        const int8_t *x = in + row * p->in_row;
        int8_t *y = out + row * p->out_row;
        uint32_t pixels;
        for (uint32_t left = p->width; left > 0; left -= pixels) {
            pixels = left < most ? left : most;
            uint32_t *to = scratch;
            for (uint32_t i = 0; i < pixels; i += GROUP, x += GROUP * depth) {
                to = edge_dsp_widen(x, depth, pixels - i, to);
            }
            x -= (0 - pixels) % GROUP * depth;
            edge_dsp_all_channels(p, scratch, pixels, y);
            y += pixels * p->out_channels;
        }
    }
}
