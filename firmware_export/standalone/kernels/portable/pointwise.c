#include <string.h>

#include "edge_kernels.h"
#include "edge_requantize.h"

typedef edge_pointwise_t params_t;

static inline int8_t finish(const params_t *p, uint32_t channel, int32_t sum)
{
    const int32_t scaled = edge_requantize(sum, p->multiplier[channel], p->shift[channel]);
    const int32_t value = edge_clamp(scaled + p->zero_point, p->low, p->high);
    return p->table ? p->table[value + 128] : (int8_t)value;
}

/* Two channels at a time, so that each input is read half as often. */
static void one_pixel(const params_t *p, const int8_t *x, int8_t *y)
{
    const uint32_t depth = p->in_channels;
    const int8_t *w = p->weights;
    uint32_t o = 0;
    for (; o + 2 <= p->out_channels; o += 2, w += 2 * depth) {
        int32_t sum0 = p->bias[o];
        int32_t sum1 = p->bias[o + 1];
        for (uint32_t i = 0; i < depth; i++) {
            sum0 += x[i] * w[i];
            sum1 += x[i] * w[depth + i];
        }
        y[o] = finish(p, o, sum0);
        y[o + 1] = finish(p, o + 1, sum1);
    }
    if (o < p->out_channels) {
        int32_t sum = p->bias[o];
        for (uint32_t i = 0; i < depth; i++) {
            sum += x[i] * w[i];
        }
        y[o] = finish(p, o, sum);
    }
}

/* Two pixels and two channels at a time: each weight, too, is read half as often. */
static void two_pixels(const params_t *p, const int8_t *x, int8_t *y)
{
    const uint32_t depth = p->in_channels;
    const uint32_t channels = p->out_channels;
    const int8_t *w = p->weights;
    uint32_t o = 0;
    for (; o + 2 <= channels; o += 2, w += 2 * depth) {
        int32_t sum00 = p->bias[o];
        int32_t sum01 = p->bias[o + 1];
        int32_t sum10 = sum00;
        int32_t sum11 = sum01;
        for (uint32_t i = 0; i < depth; i++) {
            const int32_t x0 = x[i];
            const int32_t x1 = x[depth + i];
            const int32_t w0 = w[i];
            const int32_t w1 = w[depth + i];
            sum00 += x0 * w0;
            sum01 += x0 * w1;
            sum10 += x1 * w0;
            sum11 += x1 * w1;
        }
        y[o] = finish(p, o, sum00);
        y[o + 1] = finish(p, o + 1, sum01);
        y[channels + o] = finish(p, o, sum10);
        y[channels + o + 1] = finish(p, o + 1, sum11);
    }
    if (o < channels) {
        int32_t sum0 = p->bias[o];
        int32_t sum1 = sum0;
        for (uint32_t i = 0; i < depth; i++) {
            sum0 += x[i] * w[i];
            sum1 += x[depth + i] * w[i];
        }
        y[o] = finish(p, o, sum0);
        y[channels + o] = finish(p, o, sum1);
    }
}

void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch)
{
    /* A local copy: writing outputs can not change it, so the compiler need not read it again. */
    const params_t local = *p;
    const uint32_t depth = local.in_channels;
    /* In place, outputs would overwrite inputs of their own pixels; those of others they cannot. */
    const int in_place = in == out;
    for (uint32_t row = 0; row < local.rows; row++) {
        const int8_t *x = in + row * local.in_row;
        int8_t *y = out + row * local.out_row;
        for (uint32_t left = local.width; left > 0;) {
            const uint32_t pixels = left > 1 ? 2 : 1;
            const int8_t *source = x;
            if (in_place) {
                memcpy(scratch, x, pixels * depth);
                source = scratch;
            }
            if (pixels == 2) {
                two_pixels(&local, source, y);
            } else {
                one_pixel(&local, source, y);
            }
            x += pixels * depth;
            y += pixels * local.out_channels;
            left -= pixels;
        }
    }
}
