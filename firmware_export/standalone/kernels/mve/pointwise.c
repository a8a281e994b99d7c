/* Lanes are pixels; see edge_mve.h. */
#include "edge_kernels.h"
#include "edge_mve.h"

/* Where the four outputs of one channel go, how they get there. */
typedef struct {
    uint32x4_t offsets;
    int32x4_t low, high;
} finish_t;

static inline finish_t prepare(const edge_pointwise_t *p, uint32_t pixels, uint32_t step)
{
    finish_t finish;
    finish.offsets = vmulq_n_u32(vminq_u32(vidupq_n_u32(0, 1), vdupq_n_u32(pixels - 1)), step);
    finish.low = vdupq_n_s32(p->low);
    finish.high = vdupq_n_s32(p->high);
    return finish;
}

static inline void store(const finish_t *f, const edge_pointwise_t *p, uint32_t channel,
                         int32x4_t sums, int8_t *out)
{
    const int32x4_t with_bias = vaddq_n_s32(sums, p->bias[channel]);
    const int32x4_t scaled =
        edge_mve_scale_n(with_bias, p->multiplier[channel], p->shift[channel]);
    const int32x4_t value =
        vminq_s32(vmaxq_s32(vaddq_n_s32(scaled, p->zero_point), f->low), f->high);
    vstrbq_scatter_offset_s32(out + channel, f->offsets, value);
}

void edge_mve_dot(const edge_pointwise_t *p, const int8_t *block, uint32_t pixels, uint32_t step,
                  int8_t *out)
{
    const edge_pointwise_t local = *p;
    const uint32_t depth = local.in_channels;
    const uint32_t whole = (depth - 1) / 16;
    const mve_pred16_t rest = vctp8q(depth - 16 * whole);
    const finish_t finish = prepare(&local, pixels, step);
    const int8_t *w = local.weights;
    for (uint32_t o = 0; o < local.out_channels; o++) {
        const int8_t *x = block;
        int32_t sum0 = 0;
        int32_t sum1 = 0;
        int32_t sum2 = 0;
        int32_t sum3 = 0;
        for (uint32_t i = whole; i > 0; i--, w += 16, x += 64) {
            const int8x16_t weights = vldrbq_s8(w);
            sum0 = vmladavaq_s8(sum0, vldrbq_s8(x), weights);
            sum1 = vmladavaq_s8(sum1, vldrbq_s8(x + 16), weights);
            sum2 = vmladavaq_s8(sum2, vldrbq_s8(x + 32), weights);
            sum3 = vmladavaq_s8(sum3, vldrbq_s8(x + 48), weights);
        }
        const int8x16_t weights = vldrbq_z_s8(w, rest);
        sum0 = vmladavaq_s8(sum0, vldrbq_s8(x), weights);
        sum1 = vmladavaq_s8(sum1, vldrbq_s8(x + 16), weights);
        sum2 = vmladavaq_s8(sum2, vldrbq_s8(x + 32), weights);
        sum3 = vmladavaq_s8(sum3, vldrbq_s8(x + 48), weights);
        w += depth - 16 * whole;
        store(&finish, &local, o, edge_mve_join(sum0, sum1, sum2, sum3), out);
    }
}

/* The same for pixels that lie one after the other and have 16 values at most: they stay in
 * registers. */
static void dot_short(const edge_pointwise_t *p, const int8_t *x, uint32_t pixels, int8_t *out)
{
    const edge_pointwise_t local = *p;
    const uint32_t depth = local.in_channels;
    const mve_pred16_t lanes = vctp8q(depth);
    const finish_t finish = prepare(&local, pixels, local.out_channels);
    /* Of pixels that are not there, the last one is read again. */
    const uint32_t last = (pixels - 1) * depth;
    const int8x16_t x0 = vldrbq_z_s8(x, lanes);
    const int8x16_t x1 = vldrbq_z_s8(x + (pixels > 1 ? depth : 0), lanes);
    const int8x16_t x2 = vldrbq_z_s8(x + (pixels > 2 ? 2 * depth : last), lanes);
    const int8x16_t x3 = vldrbq_z_s8(x + last, lanes);
    const int8_t *w = local.weights;
    for (uint32_t o = 0; o < local.out_channels; o++, w += depth) {
        const int8x16_t weights = vldrbq_z_s8(w, lanes);
        const int32_t sum0 = vmladavq_s8(x0, weights);
        const int32_t sum1 = vmladavq_s8(x1, weights);
        const int32_t sum2 = vmladavq_s8(x2, weights);
        const int32_t sum3 = vmladavq_s8(x3, weights);
        store(&finish, &local, o, edge_mve_join(sum0, sum1, sum2, sum3), out);
    }
}

void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t depth = p->in_channels;
    const uint32_t channels = p->out_channels;
    int8_t *block = scratch;
    for (uint32_t row = 0; row < p->rows; row++, in += p->in_row, out += p->out_row) {
        const int8_t *x = in;
        int8_t *y = out;
        for (uint32_t left = p->width; left > 0;) {
            const uint32_t pixels = left < EDGE_MVE_PIXELS ? left : EDGE_MVE_PIXELS;
            if (depth <= 16) {
                dot_short(p, x, pixels, y);
            } else {
                for (uint32_t i = 0; i < EDGE_MVE_PIXELS; i++) {
                    const uint32_t pixel = i < pixels ? i : pixels - 1;
                    edge_mve_spread(x + pixel * depth, depth, block + 16 * i);
                }
                edge_mve_dot(p, block, pixels, channels, y);
            }
            x += pixels * depth;
            y += pixels * channels;
            left -= pixels;
        }
        edge_mve_finish(out, p->width * channels, -128, 127, p->table);
    }
}
