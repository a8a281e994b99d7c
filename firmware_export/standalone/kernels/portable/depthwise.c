#include <string.h>

#include "edge_kernels.h"
#include "edge_requantize.h"

typedef edge_convolution_t params_t;

static inline int8_t finish(const params_t *p, uint32_t channel, int32_t sum)
{
    const int32_t scaled = edge_requantize(sum, p->multiplier[channel], p->shift[channel]);
    const int32_t value = edge_clamp(scaled + p->zero_point, p->low, p->high);
    return p->table ? p->table[value + 128] : (int8_t)value;
}

/* One output pixel with as many channels as the input, four at a time.
 *
 * taps: where the pixels under the window begin; those in the padding are of zero points. */
static void pixel(const params_t *p, const int8_t *const *taps, uint32_t window, int8_t *y)
{
    const uint32_t channels = p->out_channels;
    uint32_t c = 0;
    for (; c + 4 <= channels; c += 4) {
        const int8_t *w = p->weights + c;
        int32_t sum0 = p->bias[c];
        int32_t sum1 = p->bias[c + 1];
        int32_t sum2 = p->bias[c + 2];
        int32_t sum3 = p->bias[c + 3];
        for (uint32_t k = 0; k < window; k++, w += channels) {
            const int8_t *x = taps[k] + c;
            sum0 += x[0] * w[0];
            sum1 += x[1] * w[1];
            sum2 += x[2] * w[2];
            sum3 += x[3] * w[3];
        }
        y[c] = finish(p, c, sum0);
        y[c + 1] = finish(p, c + 1, sum1);
        y[c + 2] = finish(p, c + 2, sum2);
        y[c + 3] = finish(p, c + 3, sum3);
    }
    for (; c < channels; c++) {
        const int8_t *w = p->weights + c;
        int32_t sum = p->bias[c];
        for (uint32_t k = 0; k < window; k++, w += channels) {
            sum += taps[k][c] * w[0];
        }
        y[c] = finish(p, c, sum);
    }
}

/* The same where each input channel makes several outputs. */
static void wider_pixel(const params_t *p, const int8_t *const *taps, uint32_t window, int8_t *y)
{
    const uint32_t channels = p->out_channels;
    const uint32_t multiplier = channels / p->in_channels;
    uint32_t o = 0;
    for (uint32_t c = 0; c < p->in_channels; c++) {
        for (uint32_t m = 0; m < multiplier; m++, o++) {
            const int8_t *w = p->weights + o;
            int32_t sum = p->bias[o];
            for (uint32_t k = 0; k < window; k++, w += channels) {
                sum += taps[k][c] * w[0];
            }
            y[o] = finish(p, o, sum);
        }
    }
}

void edge_depthwise(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch)
{
    /* A local copy: writing outputs can not change it, so the compiler need not read it again. */
    const params_t local = *p;
    const uint32_t window = (uint32_t)local.kernel_height * local.kernel_width;
    const int8_t **taps = scratch;
    int8_t *padding = (int8_t *)(taps + window);
    memset(padding, local.in_zero_point, local.in_channels);

    for (uint32_t n = 0; n < local.batches; n++, in += local.in_height * local.in_row) {
        for (uint32_t oy = 0; oy < local.out_height; oy++, out += local.out_row) {
            int8_t *to = out;
            for (uint32_t ox = 0; ox < local.out_width; ox++, to += local.out_channels) {
                uint32_t k = 0;
                int32_t y = (int32_t)(oy * local.stride_y) - local.pad_top;
                for (uint32_t ky = 0; ky < local.kernel_height; ky++, y += local.dilation_y) {
                    const int row_inside = y >= 0 && y < local.in_height;
                    const int8_t *row = row_inside ? in + (uint32_t)y * local.in_row : padding;
                    int32_t x = (int32_t)(ox * local.stride_x) - local.pad_left;
                    for (uint32_t kx = 0; kx < local.kernel_width; kx++, x += local.dilation_x) {
                        const int inside = row_inside && x >= 0 && x < local.in_width;
                        taps[k++] = inside ? row + x * local.in_channels : padding;
                    }
                }
                if (local.out_channels == local.in_channels) {
                    pixel(&local, taps, window, to);
                } else {
                    wider_pixel(&local, taps, window, to);
                }
            }
        }
    }
}
