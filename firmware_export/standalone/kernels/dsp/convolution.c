#include "edge_dsp.h"

/* Windows are gathered a group of four at a time, one after the other, and widened; a block of them
 * then is what pixels are to edge_pointwise. With several groups of channels, a block is one window
 * of one group, so that its outputs are without gaps. */

static inline int8_t *copy(int8_t *to, const int8_t *from, uint32_t size)
{
    for (; size >= 4; size -= 4, to += 4, from += 4) {
        memcpy(to, from, 4);
    }
    for (; size > 0; size--) {
        *to++ = *from++;
    }
    return to;
}

/* Copies the inputs under one window, of one group's channels, without gaps. Returns their end.
 *
 * (y, x) is where the window begins, perhaps in the padding; `in` is at the group's channels. */
static int8_t *gather(const edge_convolution_t *p, const int8_t *in, int32_t y, int32_t x,
                      int8_t *to)
{
    const uint32_t channels = (uint32_t)(p->in_channels / p->groups);
    const int32_t columns = p->kernel_width;
    const uint32_t size = (uint32_t)columns * channels;
    const int whole = p->dilation_x == 1 && p->groups == 1 && x >= 0 && x + columns <= p->in_width;
    const int8_t *row = in + y * (int32_t)p->in_row + x * p->in_channels;
    const uint32_t row_step = p->dilation_y * p->in_row;
    for (uint32_t ky = p->kernel_height; ky > 0; ky--, y += p->dilation_y, row += row_step) {
        if (y < 0 || y >= p->in_height) {
            memset(to, p->in_zero_point, size);
            to += size;
        } else if (whole) {
            to = copy(to, row, size);
        } else {
            int32_t column = x;
            for (int32_t kx = 0; kx < columns; kx++, column += p->dilation_x) {
                if (column < 0 || column >= p->in_width) {
                    memset(to, p->in_zero_point, channels);
                    to += channels;
                } else {
                    to = copy(to, row + (column - x) * p->in_channels, channels);
                }
            }
        }
    }
    return to;
}

void edge_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t groups = p->groups;
    const uint32_t in_channels = p->in_channels / groups;
    const uint32_t out_channels = p->out_channels / groups;
    const uint32_t depth = (uint32_t)p->kernel_height * p->kernel_width * in_channels;
    const uint32_t most = groups == 1 ? edge_dsp_block_size(depth) : 1;
    int8_t *windows = scratch;
    uint32_t *widened = scratch;
    widened += (EDGE_GROUP * depth + 7) / 8 * 2;

    edge_pointwise_t dot = {
        .table = p->table,
        .in_channels = (uint16_t)depth,
        .out_channels = (uint16_t)out_channels,
        .zero_point = p->zero_point,
        .low = p->low,
        .high = p->high,
    };
    for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
        for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
            const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
            int32_t x = -(int32_t)p->pad_left;
            int8_t *pixel = out;
            uint32_t block;
            for (uint32_t left = p->out_width; left > 0; left -= block) {
                block = left < most ? left : most;
                for (uint32_t g = 0; g < groups; g++) {
                    const uint32_t first = g * out_channels;
                    uint32_t *wide = widened;
                    for (uint32_t i = 0; i < block; i += EDGE_GROUP) {
                        const uint32_t count = block - i < EDGE_GROUP ? block - i : EDGE_GROUP;
                        int8_t *to = windows;
                        for (uint32_t k = i; k < i + count; k++) {
                            to = gather(p, in + g * in_channels, y, x + (int32_t)k * p->stride_x,
                                        to);
                        }
                        wide = edge_dsp_widen(windows, depth, count, wide);
                    }
                    dot.weights = p->weights + first * depth;
                    dot.bias = p->bias + first;
                    dot.multiplier = p->multiplier + first;
                    dot.shift = p->shift + first;
                    edge_dsp_all_channels(&dot, widened, block, pixel + first);
                }
                pixel += block * p->out_channels;
                x += (int32_t)block * p->stride_x;
            }
        }
    }
}
