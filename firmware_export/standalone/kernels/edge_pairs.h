/* SPDX-License-Identifier: Apache-2.0 */
/* Further kernels on two or three inputs, which may repeat. In place over inputs that do not. */
#ifndef EDGE_PAIRS_H
#define EDGE_PAIRS_H

#include <stdint.h>

#include "edge_attributes.h"
#include "edge_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The larger of a and b, or the smaller. */
typedef struct {
  edge_broadcast_t shape;
  uint8_t is_larger;
} edge_extremum_t;

EDGE_KERNELS_ATTR void edge_extremum(const edge_extremum_t *p, const int8_t *a, const int8_t *b,
                                     int8_t *out);

/* (a - b)^2, where a has the larger scale, or the same:
 *     difference = ((a - a_zero_point) << 6)
 *                  - edge_requantize((b - b_zero_point) << 7, b_multiplier, b_shift)
 *     out = clamp(edge_rescale_any(difference^2, multiplier, shift) + zero_point) */
typedef struct {
  int32_t b_multiplier, multiplier;
  edge_broadcast_t shape;
  int8_t b_shift, shift;
  int8_t a_zero_point, b_zero_point, zero_point;
} edge_squared_difference_t;

EDGE_KERNELS_ATTR void edge_squared_difference(const edge_squared_difference_t *p, const int8_t *a,
                                               const int8_t *b, int8_t *out);

/* x scaled, or times its slope from x_zero_point down; shifts are those of edge_rescale. */
typedef struct {
  int32_t multiplier, slope_multiplier;
  edge_broadcast_t shape;
  int8_t shift, slope_shift;
  int8_t x_zero_point, slope_zero_point, zero_point;
} edge_prelu_t;

EDGE_KERNELS_ATTR void edge_prelu(const edge_prelu_t *p, const int8_t *x, const int8_t *slope,
                                  int8_t *out);

/* Compares (a - a_zero_point) << 8, scaled, with the same of b; 1 or 0. Bits of `accepted`: 1 for
 * less, 2 for equal, 4 for greater. Shifts are 0 to 31. */
typedef struct {
  int32_t a_multiplier, b_multiplier;
  edge_broadcast_t shape;
  int8_t a_shift, b_shift;
  int8_t a_zero_point, b_zero_point;
  uint8_t accepted;
} edge_compare_t;

EDGE_KERNELS_ATTR void edge_compare(const edge_compare_t *p, const int8_t *a, const int8_t *b,
                                    int8_t *out);

/* Items of `item` bytes of x where `choice` is not 0, of y elsewhere. Strides are in items, 0 along
 * axes that repeat. */
typedef struct {
  uint32_t choice_stride[4], x_stride[4], y_stride[4];
  uint32_t extent[4];
  uint8_t item;
} edge_select_t;

EDGE_KERNELS_ATTR void edge_select(const edge_select_t *p, const int8_t *choice, const void *x,
                                   const void *y, void *out);

#ifdef __cplusplus
}
#endif

#endif
