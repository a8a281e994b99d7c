/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels with 16-bit activations, of which all zero points are 0. Otherwise like edge_kernels.h.
 */
#ifndef EDGE_WIDE_H
#define EDGE_WIDE_H

#include <stdint.h>

#include "edge_attributes.h"
#include "edge_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Convolutions of any kind, with 8-bit weights, [out_channels][kernel_height][kernel_width]
 * [in_channels / groups]. |Sums| stay below 2^47, shifts are -7 to 31; if is_narrow, sums have 32
 * bits, in which they wrap, and two roundings. in_row and out_row count items. */
typedef struct {
  const int8_t *weights;
  const int64_t *bias;       /* [out_channels] */
  const int32_t *multiplier; /* [out_channels] */
  const int8_t *shift;       /* [out_channels] */
  uint32_t in_row, out_row;
  uint16_t batches;
  uint16_t in_height, in_width, in_channels;
  uint16_t out_height, out_width, out_channels;
  uint16_t dilation_y, dilation_x;
  uint16_t pad_top, pad_left;
  uint16_t groups;
  uint8_t kernel_height, kernel_width;
  uint8_t stride_y, stride_x;
  int16_t low, high;
  uint8_t is_narrow;
} edge_wide_convolution_t;

EDGE_KERNELS_ATTR void edge_wide_convolution(const edge_wide_convolution_t *p, const int16_t *in,
                                             int16_t *out);

/* The transposed convolution: tap (ky, kx) of input pixel (y, x) adds to output pixel
 * (y * stride_y + ky - pad_top, x * stride_x + kx - pad_left). No dilation, one group. */
EDGE_KERNELS_ATTR void edge_wide_transpose_conv(const edge_wide_convolution_t *p, const int16_t *in,
                                                int16_t *out);

/* Average and maximum over windows; padding does not count. */
typedef struct {
  uint16_t batches;
  uint16_t in_height, in_width;
  uint16_t out_height, out_width;
  uint16_t channels;
  uint16_t kernel_height, kernel_width;
  uint16_t stride_y, stride_x;
  uint16_t pad_top, pad_left;
  int16_t low, high;
} edge_wide_pool_t;

EDGE_KERNELS_ATTR void edge_wide_average_pool(const edge_wide_pool_t *p, const int16_t *in,
                                              int16_t *out);
EDGE_KERNELS_ATTR void edge_wide_max_pool(const edge_wide_pool_t *p, const int16_t *in,
                                          int16_t *out);

/* Mean or sum; `zero_point` and `offset` are 0. |Sums| shifted left stay below 2^30. */
EDGE_KERNELS_ATTR void edge_wide_mean(const edge_mean_t *p, const int16_t *in, int16_t *out);

/* As edge_add, with a << 14 and b << 15. */
typedef struct {
  int32_t b_multiplier, multiplier;
  edge_broadcast_t shape;
  int8_t b_shift, shift;
  int8_t a_sign, b_sign; /* 1 or -1 */
  int16_t low, high;
} edge_wide_add_t;

EDGE_KERNELS_ATTR void edge_wide_add(const edge_wide_add_t *p, const int16_t *a, const int16_t *b,
                                     int16_t *out);

/* As edge_mul; shift is 0 to 31. */
typedef struct {
  int32_t multiplier;
  edge_broadcast_t shape;
  int8_t shift;
  int16_t low, high;
} edge_wide_mul_t;

EDGE_KERNELS_ATTR void edge_wide_mul(const edge_wide_mul_t *p, const int16_t *a, const int16_t *b,
                                     int16_t *out);

/* The larger of a and b, or the smaller. */
typedef struct {
  edge_broadcast_t shape;
  uint8_t is_larger;
} edge_wide_extremum_t;

EDGE_KERNELS_ATTR void edge_wide_extremum(const edge_wide_extremum_t *p, const int16_t *a,
                                          const int16_t *b, int16_t *out);

/* x scaled, and by another factor, of either sign, below 0: shifts are -15 to 31. In place. */
typedef struct {
  int32_t multiplier, below_multiplier;
  uint32_t size;
  int8_t shift, below_shift;
  int8_t below_sign; /* 1 or -1 */
  int16_t low, high;
} edge_wide_slopes_t;

EDGE_KERNELS_ATTR void edge_wide_slopes(const edge_wide_slopes_t *p, const int16_t *in,
                                        int16_t *out);

/* x in steps of 1/3 of 2^-12, as (x * multiplier + 2^(shift - 1)) >> shift, is looked up in a table
 * of the logistic function, 16 fractional bits, with steps of 1/24: linear between entries. The
 * outputs have 15 fractional bits. In place. */
typedef struct {
  const uint16_t *table; /* 256 values */
  int32_t multiplier;
  uint32_t size;
  uint8_t shift;
} edge_wide_logistic_t;

EDGE_KERNELS_ATTR void edge_wide_logistic(const edge_wide_logistic_t *p, const int16_t *in,
                                          int16_t *out);
EDGE_KERNELS_ATTR void edge_wide_tanh(const edge_wide_logistic_t *p, const int16_t *in,
                                      int16_t *out);

/* Softmax over the last axis; the output has 15 fractional bits. Differences from the largest item
 * are scaled so that -65535 is -10; shift is a right shift. Tables have 513 values, 128 steps
 * apart: exp(x) for x from -10 to 0, and 1 / (1 + x) for x from 0 to 1. In place. */
typedef struct {
  const int16_t *exps, *reciprocals;
  int32_t multiplier;
  uint32_t rows;
  uint16_t depth;
  int8_t shift;
} edge_wide_softmax_t;

EDGE_KERNELS_ATTR void edge_wide_softmax(const edge_wide_softmax_t *p, const int16_t *in,
                                         int16_t *out);

/* edge_softmax with outputs of scale 1/65536 and zero point -32768. */
EDGE_KERNELS_ATTR void edge_softmax_to_wide(const edge_softmax_t *p, const int8_t *in,
                                            int16_t *out);

/* From integers of one size to those of another: in_bytes and out_bytes are 1, 2 or 4.
 * out = clamp(edge_rescale_any(in - in_zero_point, multiplier, shift) + zero_point). */
typedef struct {
  int32_t multiplier;
  uint32_t size;
  int32_t in_zero_point, zero_point;
  int32_t low, high;
  int8_t shift;
  uint8_t in_bytes, out_bytes;
} edge_resize_items_t;

EDGE_KERNELS_ATTR void edge_resize_items(const edge_resize_items_t *p, const void *in, void *out);

#ifdef __cplusplus
}
#endif

#endif
