/* What the kernels for MVE (Helium) share.
 *
 * Two layouts of the work occur:
 *   lanes are pixels: one output channel, so its multiplier and shift are plain registers and
 *     fact 2 and the sign of fact 3 in edge_requantize.h are one VQRDMLAH; sums come from VMLADAV;
 *   lanes are channels: multipliers and shifts are vectors, sums come from VMLA.
 */
#ifndef EDGE_MVE_H
#define EDGE_MVE_H

#include <arm_mve.h>
#include <stdint.h>

#include "edge_kernels.h"

#define EDGE_MVE_PIXELS 4 /* that edge_mve_dot() takes at a time */

/* One vector of four numbers. */
static inline int32x4_t edge_mve_join(int32_t a, int32_t b, int32_t c, int32_t d)
{
    int32x4_t joined;
    __asm__("vmov %e0, %1, %2\n\tvmov %f0, %3, %4" : "=w"(joined) : "r"(a), "r"(b), "r"(c), "r"(d));
    return joined;
}

/* sums * multiplier / 2^31 / 2^shift; |sums| < 2^30, 1 <= shift. The sum's sign does for the
 * scaled one's: they differ only where that is 0, which rounds to 0 either way. */
static inline int32x4_t edge_mve_scale_n(int32x4_t sums, int32_t multiplier, int32_t shift)
{
    const int32x4_t high = vqrdmlahq_n_s32(vshrq_n_s32(sums, 31), sums, multiplier);
    return vrshlq_n_s32(high, -shift);
}

/* The same lane by lane; `left` is -shift. */
static inline int32x4_t edge_mve_scale(int32x4_t sums, int32x4_t multiplier, int32x4_t left)
{
    const int32x4_t high = vqrdmulhq_s32(sums, multiplier);
    return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), left);
}

/* How edge_mve_dot() wants its pixels: 16 values of the first, 16 of the second, third, fourth,
 * the next 16 of the first ... zeros after the last. Puts one pixel there. */
static inline void edge_mve_spread(const int8_t *pixel, uint32_t depth, int8_t *to)
{
    for (int32_t left = (int32_t)depth; left > 0; left -= 16) {
        vstrbq_s8(to, vldrbq_z_s8(pixel, vctp8q((uint32_t)left)));
        pixel += 16;
        to += 16 * EDGE_MVE_PIXELS;
    }
}

/* Bytes of such a block. */
static inline uint32_t edge_mve_block_size(uint32_t depth)
{
    return (depth + 15) / 16 * 16 * EDGE_MVE_PIXELS;
}

/* Outputs of 1 to 4 pixels, which lie as edge_mve_spread() puts them: p->in_channels values each,
 * p->out_channels outputs, `step` bytes from pixel to pixel. Of pixels that are not there, the last
 * one must be in their place. p->table is not applied. */
void edge_mve_dot(const edge_pointwise_t *p, const int8_t *block, uint32_t pixels, uint32_t step,
                  int8_t *out);

/* Clamps outputs, which are saturated already, then looks them up in `table`, if it is not NULL. A
 * pass of its own over what is finished costs less than care in every loop. */
static inline void edge_mve_finish(int8_t *bytes, uint32_t size, int8_t low, int8_t high,
                                   const int8_t *table)
{
    const int clamps = low > -128 || high < 127;
    if (!clamps && !table) {
        return;
    }
    for (int32_t left = (int32_t)size; left > 0; left -= 16, bytes += 16) {
        const mve_pred16_t lanes = vctp8q((uint32_t)left);
        int8x16_t x = vldrbq_z_s8(bytes, lanes);
        if (clamps) {
            x = vminq_s8(vmaxq_s8(x, vdupq_n_s8(low)), vdupq_n_s8(high));
        }
        if (table) {
            const uint8x16_t index = veorq_u8(vreinterpretq_u8_s8(x), vdupq_n_u8(128));
            x = vldrbq_gather_offset_z_s8(table, index, lanes);
        }
        vstrbq_p_s8(bytes, x, lanes);
    }
}

#endif
