/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels that an exported model calls: one function each, with a struct of its parameters.
 *
 * Every target has the same functions with the same results, bit-exact with TensorFlow Lite Micro's
 * reference kernels; portable/ has them in plain C, the other folders use a core's instructions.
 *
 * Conventions
 *   Activations are int8, channels last: [batches, height, width, channels], without gaps unless
 *   a struct has the bytes from one row to the next (in_row, out_row).
 *   Sizes count items, which are bytes. No dimension is 0.
 *   zero_point, low and high are the output's; results are clamped to low .. high.
 *   Scaling is by multiplier / 2^31 / 2^shift, see edge_requantize.h; shift > 0 is a right shift.
 *   A member `table` may be NULL; otherwise it has 256 values, and a clamped result v becomes
 *   table[v + 128].
 *   Pointers in structs point to constants and are not NULL, except `table`.
 *   `scratch` is aligned to 8 bytes; its content is undefined before and after a call.
 *   The exporter (firmware_export/standalone/ops) provides on every target
 *     edge_pointwise    8 pixels (portable); 4 pixels (mve); 2 bytes per value of `group` pixels,
 *                       with the number of channels rounded up to a multiple of 4 (dsp)
 *     edge_convolution  as much as edge_pointwise for pixels with as many channels as a window has
 *                       values; and 3 more bytes per value (dsp) or 16 more bytes (mve)
 *     edge_depthwise    8 bytes per tap of the window, and in_channels
 *     edge_depthwise_dense  1 byte (portable) or 8 (dsp, mve) per tap of the window and per
 *                       column that is read, padding included, times kernel_height
 *   Input, output and scratch do not overlap, unless a function says otherwise; "in place"
 *   means that the output may begin at the address of the named input.
 */
#ifndef EDGE_KERNELS_H
#define EDGE_KERNELS_H

#include <stdint.h>

#include "edge_attributes.h"
#include "edge_target.h"

/* Kernels are worth -O2 also where the rest is compiled for size or for debugging. clang has no
 * such pragma: there, set -O2 for these files. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Pointwise convolution (1x1, stride 1, no padding, one group), and fully connected layers, with
 * rows as pixels.
 *
 * `bias` has the input's zero point folded in: bias[o] - input_zero_point * sum of weights[o].
 * Every |accumulator| stays below 2^30 and 1 <= shift[o] <= 22.
 * Pixels without gaps are one row: rows is 1, width the number of pixels.
 *
 * In place if out_channels <= in_channels and both have rows without gaps. The output may also
 * overlap the input from lower addresses on: pixels are processed in order, at most 8 are read
 * before outputs are written, and the exporter ensures that those are not overwritten. */
typedef struct {
  const int8_t *weights;     /* [out_channels][in_channels]; or by pairs of channels, see `group` */
  const int32_t *bias;       /* [out_channels] */
  const int32_t *multiplier; /* [out_channels] */
  const int8_t *shift;       /* [out_channels] */
  const int8_t *table;
  uint32_t in_row, out_row;
  uint16_t rows, width;
  uint16_t in_channels, out_channels;
  int8_t zero_point, low, high;
  /* For dsp: pixels that are processed together, 6, or 4 for less scratch. With 3, weights are of
   * pairs of channels: numbers of 16 bits a + 256 * b, where a and b are the weights of both for
   * one input; [out_channels / 2][in_channels / 4][those of inputs 0, 2, 1, 3]. Both numbers of
   * channels are such multiples then, and |accumulator| < 2^23. */
  uint8_t group;
  /* For dsp, where more may be done: zero_point is -128, and for all channels 1 <= shift <= 14 and
   * |accumulator| < 2^(15 + shift). 0 is always correct. */
  uint8_t is_positive;
} edge_pointwise_t;

EDGE_KERNELS_ATTR void edge_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out,
                                      void *scratch);

/* A single pixel of a pointwise convolution, or a fully connected layer: otherwise like
 * edge_pointwise, without scratch and never in place. */
typedef struct {
  const int8_t *weights;     /* see below */
  const int32_t *bias;       /* [out_channels] */
  const int32_t *multiplier; /* [out_channels] */
  const int8_t *shift;       /* [out_channels] */
  const int8_t *table;
  uint16_t in_channels, out_channels;
  int8_t zero_point, low, high;
} edge_dense_t;

/* The weights of every four outputs are together: [in_channels / 16][4 outputs][16 inputs], then
 * [4 outputs][remaining inputs]; for dsp [in_channels / 4][4 outputs][4 inputs], then
 * [remaining inputs][4 outputs]. Those of up to three remaining outputs follow,
 * [outputs][in_channels]. */
EDGE_KERNELS_ATTR void edge_dense(const edge_dense_t *p, const int8_t *in, int8_t *out);

/* Convolution and depthwise convolution.
 *
 * Output (y, x) reads input rows y * stride_y - pad_top + ky * dilation_y, and columns in the same
 * way. Values outside the input are in_zero_point. `bias` has it folded in, as for edge_pointwise,
 * over the whole window. Bounds of accumulators and shifts are those of edge_pointwise.
 * in_row and out_row are in bytes; images of a batch are height * row apart.
 *
 * The output may overlap the input from lower addresses on, if the exporter ensures that no row of
 * outputs reaches the inputs of its own windows or of later ones. */
typedef struct {
  const int8_t *weights;     /* see the functions */
  const int32_t *bias;       /* [out_channels] */
  const int32_t *multiplier; /* [out_channels] */
  const int8_t *shift;       /* [out_channels] */
  const int8_t *table;
  uint32_t in_row, out_row;
  uint16_t batches;
  uint16_t in_height, in_width, in_channels;
  uint16_t out_height, out_width, out_channels;
  uint16_t dilation_y, dilation_x;
  uint16_t pad_top, pad_left;
  uint16_t groups; /* for edge_convolution and edge_convolution_any */
  uint8_t kernel_height, kernel_width;
  uint8_t stride_y, stride_x;
  int8_t in_zero_point;
  int8_t zero_point, low, high;
  uint8_t group;       /* for dsp and edge_convolution: 6 or 3, as in edge_pointwise_t */
  uint8_t is_positive; /* as in edge_pointwise_t; for edge_depthwise_dense, too */
} edge_convolution_t;

/* weights: [out_channels][kernel_height][kernel_width][in_channels / groups]. */
EDGE_KERNELS_ATTR void edge_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                                        void *scratch);

/* Depthwise, with as many outputs as inputs; edge_convolution takes others.
 * weights: [kernel_height][kernel_width][channels]. */
EDGE_KERNELS_ATTR void edge_depthwise(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                                      void *scratch);

/* The same for windows without gaps (dilation 1); on dsp for at most 33 taps. In place if there is
 * one batch, both have rows without gaps, no output row is longer than an input row and pad_top is
 * below kernel_height. */
EDGE_KERNELS_ATTR void edge_depthwise_dense(const edge_convolution_t *p, const int8_t *in,
                                            int8_t *out, void *scratch);

/* One row of a depthwise convolution over rows only: rows[k] points to input row k, which is
 * [width][channels] like the output, and
 *     out = scaled(bias + sum over k of weights[k] * rows[k]), per channel.
 * `bias` has the input's zero point folded in, over the given taps (1 or more). Bounds of
 * accumulators and shifts are those of edge_pointwise. */
typedef struct {
  const int8_t *weights;     /* [taps][channels] */
  const int32_t *bias;       /* [channels] */
  const int32_t *multiplier; /* [channels] */
  const int8_t *shift;       /* [channels] */
  const int8_t *table;
  uint16_t taps, width, channels;
  int8_t zero_point, low, high;
} edge_row_sum_t;

EDGE_KERNELS_ATTR void edge_row_sum(const edge_row_sum_t *p, const int8_t *const *rows,
                                    int8_t *out);

/* A depthwise convolution whose window is the whole input, with one weight per channel: a mean.
 * Otherwise like edge_pointwise. */
typedef struct {
  const int8_t *weights;     /* [channels] */
  const int32_t *bias;       /* [channels] */
  const int32_t *multiplier; /* [channels] */
  const int8_t *shift;       /* [channels] */
  const int8_t *table;
  uint16_t pixels, channels;
  int8_t zero_point, low, high;
} edge_uniform_t;

EDGE_KERNELS_ATTR void edge_uniform(const edge_uniform_t *p, const int8_t *in, int8_t *out);

/* The same over the last `frames` frames of a stream, of which `in` is the newest.
 *
 * `ring` has the frames, [frames][channels], all initially at the input's zero point. `counts` is
 * aligned to 4 bytes and has 32-bit numbers, all initially 0: the index of the oldest frame, then
 * each channel's sum of values minus the zero point. So `bias` has no zero point folded in. */
typedef struct {
  const int8_t *weights;     /* [channels] */
  const int32_t *bias;       /* [channels] */
  const int32_t *multiplier; /* [channels] */
  const int8_t *shift;       /* [channels] */
  const int8_t *table;
  uint16_t frames, channels;
  int8_t zero_point, low, high;
} edge_sliding_mean_t;

EDGE_KERNELS_ATTR void edge_sliding_mean(const edge_sliding_mean_t *p, const int8_t *in,
                                         int8_t *out, int8_t *ring, void *counts);

/* edge_convolution without limits: accumulators of any size, which wrap, and shifts from -30 to 31.
 * `bias` is as in the model, nothing folded in. Slow; needs no scratch. Computes `count` of the
 * output channels; weights, bias, multiplier and shift are those of these. */
typedef struct {
  edge_convolution_t window;
  const uint16_t *channels; /* [count], in order */
  uint16_t count;
} edge_convolution_any_t;

EDGE_KERNELS_ATTR void edge_convolution_any(const edge_convolution_any_t *p, const int8_t *in,
                                            int8_t *out);

/* The transposed convolution: tap (ky, kx) of input pixel (y, x) adds to output pixel
 * (y * stride_y + ky - pad_top, x * stride_x + kx - pad_left). Sums may wrap, and nothing is folded
 * into the bias; weights are as of edge_convolution. No dilation, one group. */
EDGE_KERNELS_ATTR void edge_transpose_conv(const edge_convolution_t *p, const int8_t *in,
                                           int8_t *out);

/* Average and maximum over windows; padding does not count. */
typedef struct {
  uint16_t batches;
  uint16_t in_height, in_width;
  uint16_t out_height, out_width;
  uint16_t channels;
  uint16_t kernel_height, kernel_width;
  uint16_t stride_y, stride_x;
  uint16_t pad_top, pad_left;
  int8_t low, high;
} edge_pool_t;

EDGE_KERNELS_ATTR void edge_average_pool(const edge_pool_t *p, const int8_t *in, int8_t *out);
EDGE_KERNELS_ATTR void edge_max_pool(const edge_pool_t *p, const int8_t *in, int8_t *out);

/* Axes of an input [kept[0], reduced[0], kept[1], reduced[1], kept[2], reduced[2], kept[3]], of
 * which all items along `reduced` are combined; absent ones are 1. Output: [kept[0], .. kept[3]].
 */
typedef struct {
  uint32_t kept[4], reduced[3];
} edge_axes_t;

/* Mean or sum. `offset` is -input_zero_point * items per output; the multiplier includes the
 * division. */
typedef struct {
  int32_t offset;
  int32_t multiplier;
  edge_axes_t axes;
  int8_t shift; /* -30 to 31 */
  int8_t zero_point;
} edge_mean_t;

EDGE_KERNELS_ATTR void edge_mean(const edge_mean_t *p, const int8_t *in, int8_t *out);

/* The largest, or smallest, item. */
EDGE_KERNELS_ATTR void edge_maximum(const edge_axes_t *p, const int8_t *in, int8_t *out);
EDGE_KERNELS_ATTR void edge_minimum(const edge_axes_t *p, const int8_t *in, int8_t *out);

/* Where the largest item, or the smallest, is along the middle axis of [outer, count, inner]; the
 * first of equal ones. */
typedef struct {
  uint32_t outer, count, inner;
  uint8_t is_largest;
} edge_arg_extremum_t;

EDGE_KERNELS_ATTR void edge_arg_extremum(const edge_arg_extremum_t *p, const int8_t *in,
                                         int32_t *out);

/* Sum or difference of a, the input with the larger scale (or equal scale), and b:
 *     sum = a_sign * ((a - a_zero_point) << 19)
 *           + b_sign * edge_requantize((b - b_zero_point) << 20, b_multiplier, b_shift)
 *     out = clamp(edge_requantize(sum, multiplier, shift) + zero_point)
 * b_shift and shift are 1 to 31.
 * In place over a or b, or both. */
typedef struct {
  int32_t b_multiplier, multiplier;
  uint32_t size; /* of each of the three; not used by edge_add_broadcast */
  int8_t b_shift, shift;
  int8_t a_sign, b_sign; /* 1 or -1 */
  int8_t a_zero_point, b_zero_point;
  int8_t zero_point, low, high;
} edge_add_t;

EDGE_KERNELS_ATTR void edge_add(const edge_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);

/* How inputs that differ in shape from the output repeat: the output is [extent[0], .. extent[3]];
 * bit i of a_repeats means that a has 1 instead of extent[i] and is repeated, the same for
 * b_repeats. Adjacent axes with equal bits are joined; unused axes are 1 and come first. No axis
 * has both bits. */
typedef struct {
  uint32_t extent[4];
  uint8_t a_repeats, b_repeats;
} edge_broadcast_t;

/* In place over an input that is not repeated. */
typedef struct {
  edge_add_t add;
  edge_broadcast_t shape;
} edge_add_broadcast_t;

EDGE_KERNELS_ATTR void edge_add_broadcast(const edge_add_broadcast_t *p, const int8_t *a,
                                          const int8_t *b, int8_t *out);

/* out = clamp(edge_rescale((a - a_zero_point) * (b - b_zero_point), multiplier, shift)
 *             + zero_point); in place as edge_add. */
typedef struct {
  int32_t multiplier;
  uint32_t size; /* not used by edge_mul_broadcast */
  int8_t shift;  /* -14 to 31 */
  int8_t a_zero_point, b_zero_point;
  int8_t zero_point, low, high;
} edge_mul_t;

EDGE_KERNELS_ATTR void edge_mul(const edge_mul_t *p, const int8_t *a, const int8_t *b, int8_t *out);

typedef struct {
  edge_mul_t mul;
  edge_broadcast_t shape;
} edge_mul_broadcast_t;

EDGE_KERNELS_ATTR void edge_mul_broadcast(const edge_mul_broadcast_t *p, const int8_t *a,
                                          const int8_t *b, int8_t *out);

/* Any function of one int8: out = table[in + 128]. In place. */
typedef struct {
  const int8_t *table; /* 256 values, not NULL */
  uint32_t size;
} edge_table_t;

EDGE_KERNELS_ATTR void edge_table(const edge_table_t *p, const int8_t *in, int8_t *out);

/* Softmax over the last axis; the output has scale 1/256 and zero point -128. In place.
 * exps[d] is exp(-d * scale * beta) in 31 fractional bits; differences from exps_size on have no
 * weight. */
typedef struct {
  const int32_t *exps;
  uint32_t rows;
  uint16_t depth;
  uint16_t exps_size;
} edge_softmax_t;

EDGE_KERNELS_ATTR void edge_softmax(const edge_softmax_t *p, const int8_t *in, int8_t *out);

/* Copies [extent[0], .. extent[3]] runs of `run` bytes, with separate input and output strides in
 * bytes, which may be 0 or negative in the input: concatenation (one call per input), slices,
 * transposition, the inside of padding, repetition. */
typedef struct {
  int32_t in_stride[4];
  int32_t out_stride[4];
  int32_t extent[4];
  uint32_t run;
} edge_copy_t;

EDGE_KERNELS_ATTR void edge_copy(const edge_copy_t *p, const int8_t *in, int8_t *out);

/* Appends a frame of `pushed` bytes to past ones: the oldest is dropped, the `kept` bytes after it
 * move to the front. */
typedef struct {
  uint32_t kept, pushed;
} edge_push_t;

EDGE_KERNELS_ATTR void edge_push(const edge_push_t *p, const int8_t *in, int8_t *state);

/* Sets `size` bytes. */
typedef struct {
  uint32_t size;
  int8_t value;
} edge_fill_t;

EDGE_KERNELS_ATTR void edge_fill(const edge_fill_t *p, int8_t *out);

/* Takes items of `run` bytes by their index: item (y, x) of the output is item
 * (rows[y], columns[x]) of the input, in each of the batches, which are in_plane bytes apart. */
typedef struct {
  const uint16_t *rows;    /* [out_height] */
  const uint16_t *columns; /* [out_width] */
  uint32_t batches, in_plane, in_row, run;
  uint16_t out_height, out_width;
} edge_take_t;

EDGE_KERNELS_ATTR void edge_take(const edge_take_t *p, const int8_t *in, int8_t *out);

/* Pixels between pixels: for each row of the output the row above, the row below, and the weight
 * of the latter in 1024ths, which is negative before the first row; the same for columns. */
typedef struct {
  const int16_t *rows;    /* [out_height][3] */
  const int16_t *columns; /* [out_width][3] */
  uint16_t batches;
  uint16_t in_height, in_width;
  uint16_t out_height, out_width;
  uint16_t channels;
} edge_bilinear_t;

EDGE_KERNELS_ATTR void edge_bilinear(const edge_bilinear_t *p, const int8_t *in, int8_t *out);

#ifdef __cplusplus
}
#endif

#endif
