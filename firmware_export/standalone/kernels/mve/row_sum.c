/* Lanes are pixels; see edge_mve_taps.h. */
#include <stddef.h>

#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_mve_taps.h"
#include "edge_requantize.h"

/* For what the fast way does not take. */
static void slow(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out)
{
    const uint32_t channels = p->channels;
    for (uint32_t i = 0, c = 0; i < p->width * channels; i++) {
        int32_t sum = p->bias[c];
        for (uint32_t k = 0; k < p->taps; k++) {
            sum += rows[k][i] * p->weights[k * channels + c];
        }
        const int32_t value = edge_requantize(sum, p->multiplier[c], p->shift[c]) + p->zero_point;
        out[i] = (int8_t)edge_clamp(value, p->low, p->high);
        c = c + 1 < channels ? c + 1 : 0;
    }
}

void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out)
{
    const uint32_t channels = p->channels;
    const uint32_t size = p->width * channels;
    if (p->taps > EDGE_MVE_TAPS || size > UINT16_MAX ||
        !edge_mve_pairs_fit(p->weights, p->taps * channels)) {
        slow(p, rows, out);
        return;
    }
    edge_mve_tap_t taps[EDGE_MVE_TAPS];
    for (uint32_t k = 0; k < p->taps; k++) {
        taps[k].from = rows[k];
        taps[k].weights = p->weights + k * channels;
    }
    const edge_mve_stretch_t stretch = {
        .taps = taps,
        .count = p->taps,
        .bias = p->bias,
        .multiplier = p->multiplier,
        .shift = p->shift,
        .channels = channels,
        .pixels = p->width,
        .in_step = channels,
        .out_step = channels,
        .zero_point = p->zero_point,
    };
    edge_mve_sum_taps(&stretch, out);
    edge_mve_finish(out, size, p->low, p->high, NULL);
}
