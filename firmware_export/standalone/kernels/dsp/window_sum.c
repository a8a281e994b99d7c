#include "edge_dsp.h"

/* Up to this many taps, a channel's weights and the places of its taps are registers, and the
 * pixels go by; see few_taps(). */
#define FEW 5

/* Up to this many, a table of them goes on the stack; see many_taps(). */
#define MANY 32

/* The bias without what the taps left out would have added. */
static int32_t bias_of(const edge_taps_t *p, uint32_t channel)
{
    int32_t bias = p->bias[channel];
    uint32_t taps = p->row_count * p->columns;
    if (taps == p->window_size) {
        return bias;
    }
    int32_t missing = 0;
    const int8_t *w = p->window + channel;
    for (uint32_t k = p->window_size; k > 0; k--, w += p->channels) {
        missing += *w;
    }
    for (uint32_t row = 0; row < p->row_count; row++) {
        w = p->weights + row * p->weights_row + channel;
        for (uint32_t column = p->columns; column > 0; column--, w += p->channels) {
            missing -= *w;
        }
    }
    return bias + p->in_zero_point * missing;
}

/* One channel of all pixels, for a number of taps that the compiler knows.
 *
 * Weights and bias are twice themselves, which saves doubling the sums. */
static inline __attribute__((always_inline)) void few_taps(const edge_taps_t *p, uint32_t channel,
                                                           const int8_t *const *taps,
                                                           const int8_t *const *weights,
                                                           const uint32_t count)
{
    const uint32_t step = p->channels;
    const uint32_t size = p->pixels * step;
    const uint32_t end = channel + size;
    const int8_t *x0 = taps[0] + end;
    const int8_t *x1 = taps[1] + end;
    const int8_t *x2 = count > 2 ? taps[2] + end : NULL;
    const int8_t *x3 = count > 3 ? taps[3] + end : NULL;
    const int8_t *x4 = count > 4 ? taps[4] + end : NULL;
    const uint32_t w01 = edge_pair(weights[0][channel] * 2, weights[1][channel] * 2);
    const uint32_t w23 =
        count > 2 ? edge_pair(weights[2][channel] * 2, weights[count > 3 ? 3 : 2][channel] * 2) : 0;
    const uint32_t w4 = count > 4 ? (uint32_t)(weights[4][channel] * 2) : 0;
    const int32_t bias = bias_of(p, channel) * 2;
    const edge_scale_t scale =
        edge_scale(p->multiplier[channel], p->shift[channel], p->zero_point);
    /* Shifts by a register look at its lowest byte alone. */
    const uint32_t step_and_shift = step << 8 | (uint32_t)scale.shift;
    int8_t *y = p->out + end;
    int32_t i = -(int32_t)size;
    int32_t sum;
    int32_t v;

#define FIRST_TWO                               \
    "1:\n\t"                                    \
    "ldrsb %[sum], [%[x0], %[i]]\n\t"           \
    "ldrsb %[v], [%[x1], %[i]]\n\t"             \
    "smlabb %[sum], %[sum], %[w01], %[bias]\n\t" \
    "smlabt %[sum], %[v], %[w01], %[sum]\n\t"
#define THIRD                                   \
    "ldrsb %[v], [%[x2], %[i]]\n\t"             \
    "smlabb %[sum], %[v], %[w23], %[sum]\n\t"
#define FOURTH                                  \
    "ldrsb %[v], [%[x3], %[i]]\n\t"             \
    "smlabt %[sum], %[v], %[w23], %[sum]\n\t"
#define STORE                                                       \
    "smmlar %[v], %[sum], %[multiplier], %[rounding]\n\t"           \
    "add %[v], %[v], %[sum], asr #31\n\t"                           \
    "asr %[v], %[v], %[step_and_shift]\n\t"                         \
    "ssat %[v], #8, %[v]\n\t"                                       \
    "strb %[v], [%[y], %[i]]\n\t"                                   \
    "adds %[i], %[i], %[step_and_shift], lsr #8\n\t"                \
    "bne 1b"
#define LOOP(code, ...)                                                                       \
    __asm__ volatile(code                                                                     \
                     : [i] "+r"(i), [sum] "=&r"(sum), [v] "=&r"(v)                            \
                     : [x0] "r"(x0), [x1] "r"(x1), [w01] "r"(w01), [bias] "r"(bias),          \
                       [multiplier] "r"(scale.multiplier), [rounding] "r"(scale.rounding),    \
                       [step_and_shift] "r"(step_and_shift), [y] "r"(y)__VA_ARGS__            \
                     : "cc", "memory")
    if (count == 2) {
        LOOP(FIRST_TWO STORE, );
    } else if (count == 3) {
        LOOP(FIRST_TWO THIRD STORE, , [x2] "r"(x2), [w23] "r"(w23));
    } else if (count == 4) {
        LOOP(FIRST_TWO THIRD FOURTH STORE, , [x2] "r"(x2), [x3] "r"(x3), [w23] "r"(w23));
    } else {
        for (; i != 0; i += (int32_t)step) {
            sum = edge_smlabb((uint32_t)(int32_t)x0[i], w01, bias);
            sum = edge_smlabt((uint32_t)(int32_t)x1[i], w01, sum);
            sum = edge_smlabb((uint32_t)(int32_t)x2[i], w23, sum);
            sum = edge_smlabt((uint32_t)(int32_t)x3[i], w23, sum);
            sum = edge_smlabb((uint32_t)(int32_t)x4[i], w4, sum);
            y[i] = (int8_t)edge_scaled(sum, scale);
        }
    }
}

/* Functions of their own: in the loop above, they then need nothing in registers but what it uses. */
#define FEW_TAPS(count)                                                                            \
    static __attribute__((noinline)) void taps_##count(                                            \
        const edge_taps_t *p, uint32_t channel, const int8_t *const *x, const int8_t *const *w)    \
    {                                                                                              \
        few_taps(p, channel, x, w, count);                                                         \
    }
FEW_TAPS(2)
FEW_TAPS(3)
FEW_TAPS(4)
FEW_TAPS(5)
#undef FEW_TAPS

static void all_few(const edge_taps_t *p, uint32_t taps)
{
    static void (*const of_taps[])(const edge_taps_t *, uint32_t, const int8_t *const *,
                                   const int8_t *const *) = {taps_2, taps_3, taps_4, taps_5};
    const int8_t *x[FEW];
    const int8_t *w[FEW];
    uint32_t k = 0;
    for (uint32_t row = 0; row < p->row_count; row++) {
        for (uint32_t column = 0; column < p->columns; column++, k++) {
            x[k] = p->rows[row] + column * p->column_step;
            w[k] = p->weights + row * p->weights_row + column * p->channels;
        }
    }
    for (uint32_t c = 0; c < p->channels; c++) {
        of_taps[taps - 2](p, c, x, w);
    }
}

/* A tap of four channels: where it is in the first pixel, and twice its weights as pairs. */
typedef struct {
    const int8_t *x;
    uint32_t even, odd;
} tap_t;

/* More taps, four channels of a pixel at a time: nine instructions for a tap. */
static __attribute__((noinline)) void many_taps(const edge_taps_t *p, uint32_t channel)
{
    tap_t taps[MANY];
    tap_t *end = taps;
    for (uint32_t row = 0; row < p->row_count; row++) {
        const int8_t *x = p->rows[row] + channel;
        const int8_t *w = p->weights + row * p->weights_row + channel;
        for (uint32_t k = p->columns; k > 0; k--, x += p->column_step, w += p->channels, end++) {
            const uint32_t word = edge_load_word(w);
            end->x = x;
            end->even = edge_twice(edge_even_bytes(word));
            end->odd = edge_twice(edge_odd_bytes(word));
        }
    }
    struct {
        int32_t bias;
        edge_scale_t scale;
    } of[4];
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t c = channel + i;
        of[i].bias = bias_of(p, c) * 2;
        of[i].scale = edge_scale(p->multiplier[c], p->shift[c], p->zero_point);
    }
    const uint32_t step = p->in_step;
    const uint32_t channels = p->channels;
    int8_t *y = p->out + channel;
    uint32_t offset = 0;
    for (uint32_t left = p->pixels; left > 0; left--, offset += step, y += channels) {
        int32_t sum0 = of[0].bias;
        int32_t sum1 = of[1].bias;
        int32_t sum2 = of[2].bias;
        int32_t sum3 = of[3].bias;
        const tap_t *tap = taps;
        uint32_t x;
        __asm__("1:\n\t"
                "ldmia %[tap]!, {r3, r4, r5}\n\t"
                "ldr %[x], [r3, %[offset]]\n\t"
                "cmp %[tap], %[end]\n\t"
                "sxtb16 r3, %[x]\n\t"
                "sxtb16 %[x], %[x], ror #8\n\t"
                "smlabb %[s0], r3, r4, %[s0]\n\t"
                "smlabb %[s1], %[x], r5, %[s1]\n\t"
                "smlatt %[s2], r3, r4, %[s2]\n\t"
                "smlatt %[s3], %[x], r5, %[s3]\n\t"
                "bne 1b"
                : [s0] "+r"(sum0), [s1] "+r"(sum1), [s2] "+r"(sum2), [s3] "+r"(sum3),
                  [tap] "+r"(tap), [x] "=&r"(x)
                : [offset] "r"(offset), [end] "r"(end)
                : "r3", "r4", "r5", "cc", "memory");
        y[0] = (int8_t)edge_scaled(sum0, of[0].scale);
        y[1] = (int8_t)edge_scaled(sum1, of[1].scale);
        y[2] = (int8_t)edge_scaled(sum2, of[2].scale);
        y[3] = (int8_t)edge_scaled(sum3, of[3].scale);
    }
}

/* Any number of taps. */
static void one_channel(const edge_taps_t *p, uint32_t channel)
{
    const int32_t bias = bias_of(p, channel);
    const edge_scale_t scale =
        edge_scale(p->multiplier[channel], p->shift[channel], p->zero_point);
    int8_t *y = p->out + channel;
    uint32_t offset = channel;
    for (uint32_t left = p->pixels; left > 0; left--, offset += p->in_step, y += p->channels) {
        int32_t sum = bias;
        for (uint32_t row = 0; row < p->row_count; row++) {
            const int8_t *x = p->rows[row] + offset;
            const int8_t *w = p->weights + row * p->weights_row + channel;
            for (uint32_t k = p->columns; k > 0; k--, x += p->column_step, w += p->channels) {
                sum += *x * *w;
            }
        }
        *y = (int8_t)edge_scaled(sum * 2, scale);
    }
}

void edge_dsp_window_sum(const edge_taps_t *p)
{
    const uint32_t taps = p->row_count * p->columns;
    if (taps >= 2 && taps <= FEW && p->in_step == p->channels) {
        all_few(p, taps);
        return;
    }
    uint32_t c = 0;
    for (; taps > 0 && taps <= MANY && c + 4 <= p->channels; c += 4) {
        many_taps(p, c);
    }
    for (; c < p->channels; c++) {
        one_channel(p, c);
    }
}
