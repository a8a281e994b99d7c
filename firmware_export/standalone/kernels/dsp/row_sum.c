#include "edge_dsp.h"

void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out)
{
    const edge_taps_t taps = {
        .rows = rows,
        .weights = p->weights,
        .window = p->weights,
        .bias = p->bias,
        .multiplier = p->multiplier,
        .shift = p->shift,
        .out = out,
        .row_count = p->taps,
        .columns = 1,
        .weights_row = p->channels,
        .column_step = 0,
        .window_size = p->taps,
        .channels = p->channels,
        .pixels = p->width,
        .in_step = p->channels,
        .in_zero_point = 0,
        .zero_point = p->zero_point,
    };
    edge_dsp_window_sum(&taps);
    edge_dsp_look_up(NULL, p->low, p->high, out, (uint32_t)p->width * p->channels);
}
