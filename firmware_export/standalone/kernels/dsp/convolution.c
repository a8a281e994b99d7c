#include "edge_dsp.h"

/* Windows are gathered a group of four at a time, one after the other, and widened; a block of them
 * then is what pixels are to edge_pointwise. With several groups of channels, a block is one window
 * of one group, so that its outputs are without gaps. */

/* Copies `size` bytes from each row, by words of which the last may repeat some of the one before.
 * Returns the end of what was written. */
static __attribute__((noinline)) int8_t *copy_rows(int8_t *to, const int8_t *row, uint32_t rows,
                                                   uint32_t step, uint32_t size)
{
    for (; rows > 0; rows--, row += step, to += size) {
        uint32_t i = 0;
        if (size < 4) {
            for (; i < size; i++) {
                to[i] = row[i];
            }
        } else {
            for (; i < size - 4; i += 4) {
                memcpy(to + i, row + i, 4);
            }
            memcpy(to + size - 4, row + size - 4, 4);
        }
    }
    return to;
}

static int8_t *repeat(int8_t *to, int32_t value, uint32_t size)
{
    for (; size > 0; size--) {
        *to++ = (int8_t)value;
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
    /* Columns of taps that are adjacent go in one run; else each goes by itself. */
    const int32_t columns = p->dilation_x == 1 && p->groups == 1 ? p->kernel_width : 1;
    for (uint32_t ky = p->kernel_height; ky > 0; ky--, y += p->dilation_y) {
        const int8_t *row = in + y * (int32_t)p->in_row;
        const int row_inside = y >= 0 && y < p->in_height;
        int32_t column = x;
        for (int32_t kx = 0; kx < p->kernel_width; kx += columns, column += p->dilation_x) {
            const int32_t before = edge_clamp(-column, 0, columns);
            const int32_t inside = edge_clamp(p->in_width - column, 0, columns) - before;
            if (!row_inside || inside <= 0) {
                to = repeat(to, p->in_zero_point, (uint32_t)columns * channels);
                continue;
            }
            to = repeat(to, p->in_zero_point, (uint32_t)before * channels);
            to = copy_rows(to, row + (column + before) * p->in_channels, 1, 0,
                           (uint32_t)inside * channels);
            const uint32_t after = (uint32_t)(columns - before - inside);
            to = repeat(to, p->in_zero_point, after * channels);
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
    /* A kernel's row is one run of bytes, unless the columns have gaps. */
    const int runs = p->dilation_x == 1 && groups == 1;
    const uint32_t run = p->kernel_width * in_channels;
    const uint32_t row_step = p->dilation_y * p->in_row;
    const int32_t last_x = p->in_width - p->kernel_width;
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
            const int32_t last_y = y + (p->kernel_height - 1) * p->dilation_y;
            const int rows_inside = runs && y >= 0 && last_y < p->in_height;
            int32_t x = -(int32_t)p->pad_left;
            int8_t *pixel = out;
            uint32_t block;
            for (uint32_t left = p->out_width; left > 0; left -= block) {
                block = left < most ? left : most;
                const int32_t first_x = x;
                for (uint32_t g = 0; g < groups; g++) {
                    x = first_x;
                    const uint32_t first = g * out_channels;
                    uint32_t *wide = widened;
                    for (uint32_t i = 0; i < block; i += EDGE_GROUP) {
                        const uint32_t count = block - i < EDGE_GROUP ? block - i : EDGE_GROUP;
                        int8_t *to = windows;
                        for (uint32_t k = 0; k < count; k++, x += p->stride_x) {
                            if (rows_inside && x >= 0 && x <= last_x) {
                                const int32_t at = y * (int32_t)p->in_row + x * p->in_channels;
                                to = copy_rows(to, in + at, p->kernel_height, row_step, run);
                            } else {
                                to = gather(p, in + g * in_channels, y, x, to);
                            }
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
            }
        }
    }
}
