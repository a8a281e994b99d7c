/* Gathers the inputs under four windows, as edge_mve_dot() wants them. */
#include <stddef.h>

#include "edge_kernels.h"
#include "edge_mve.h"

/* Copies `size` values, or `padding` if there are none to copy, and returns where they end. Up to
 * 15 bytes behind them are overwritten: windows are filled from the start on. */
static inline int8_t *put(int8_t *to, const int8_t *from, uint32_t size, int8_t padding)
{
    for (uint32_t i = 0; i < size; i += 16) {
        vstrbq_s8(to + i, from ? edge_mve_load(from + i, size - i) : vdupq_n_s8(padding));
    }
    return to + size;
}

/* Copies `rows` rows of `size` values each. */
static void put_rows(int8_t *to, const int8_t *from, uint32_t row, uint32_t rows, uint32_t size)
{
    for (; rows > 0; rows--, from += row, to += size) {
        vstrbq_s8(to, edge_mve_load(from, size));
        for (uint32_t i = 16; i < size; i += 16) {
            vstrbq_s8(to + i, edge_mve_load(from + i, size - i));
        }
    }
}

/* Copies the inputs under one window, of one group's `channels` channels, without gaps.
 *
 * (y, x) is where the window begins, perhaps in the padding; `in` is at the group's channels. */
static void gather(const edge_convolution_t *p, const int8_t *in, uint32_t channels, int32_t y,
                   int32_t x, int8_t *to)
{
    const int32_t columns = p->kernel_width;
    const int32_t rows = (p->kernel_height - 1) * p->dilation_y + 1;
    const int is_dense = p->dilation_x == 1 && p->in_channels == channels && x >= 0 &&
                         x + columns <= p->in_width;
    if (is_dense && y >= 0 && y + rows <= p->in_height) {
        put_rows(to, in + (uint32_t)y * p->in_row + (uint32_t)x * channels,
                 p->dilation_y * p->in_row, p->kernel_height, (uint32_t)columns * channels);
        return;
    }
    for (int32_t ky = 0; ky < p->kernel_height; ky++, y += p->dilation_y) {
        const int inside = y >= 0 && y < p->in_height;
        const int8_t *row = in + (inside ? (uint32_t)y * p->in_row : 0);
        if (is_dense || !inside) {
            const int8_t *from = inside ? row + (uint32_t)x * channels : NULL;
            to = put(to, from, (uint32_t)columns * channels, p->in_zero_point);
            continue;
        }
        for (int32_t kx = 0; kx < columns; kx++) {
            const int32_t column = x + kx * p->dilation_x;
            const int is_there = column >= 0 && column < p->in_width;
            const int8_t *from = is_there ? row + (uint32_t)column * p->in_channels : NULL;
            to = put(to, from, channels, p->in_zero_point);
        }
    }
}

void edge_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t groups = p->groups;
    const uint32_t in_channels = p->in_channels / groups;
    const uint32_t depth = (uint32_t)p->kernel_height * p->kernel_width * in_channels;
    const uint32_t out_channels = p->out_channels / groups;
    /* Short windows are gathered where they are wanted. There is more scratch than is needed, but
     * not with the shortest. */
    const int is_short = depth <= 32;
    int8_t small[32 * EDGE_MVE_PIXELS + 16];
    int8_t *block = depth <= 16 ? small : scratch;
    int8_t *window = block + edge_mve_block_size(depth);

    edge_pointwise_t dot;
    dot.in_channels = (uint16_t)depth;
    dot.out_channels = (uint16_t)out_channels;
    dot.zero_point = p->zero_point;
    for (uint32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_row) {
        for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
            const int32_t y = (int32_t)(oy * p->stride_y) - p->pad_top;
            for (uint32_t g = 0; g < groups; g++) {
                const uint32_t first = g * out_channels;
                dot.weights = p->weights + first * depth;
                dot.bias = p->bias + first;
                dot.multiplier = p->multiplier + first;
                dot.shift = p->shift + first;
                for (uint32_t ox = 0; ox < p->out_width; ox += EDGE_MVE_PIXELS) {
                    const uint32_t last = p->out_width - 1 - ox;
                    for (uint32_t i = 0; i < EDGE_MVE_PIXELS; i++) {
                        const uint32_t pixel = ox + (i < last ? i : last);
                        const int32_t x = (int32_t)(pixel * p->stride_x) - p->pad_left;
                        int8_t *to = is_short ? block + 32 * i : window;
                        gather(p, in + g * in_channels, in_channels, y, x, to);
                        if (!is_short) {
                            edge_mve_put(window, depth, block, i);
                        }
                    }
                    edge_mve_dot(&dot, block, last + 1, p->out_channels,
                                 out + ox * p->out_channels + first);
                }
            }
            edge_mve_finish(out, (uint32_t)p->out_width * p->out_channels, p->low, p->high,
                            p->table);
        }
    }
}
