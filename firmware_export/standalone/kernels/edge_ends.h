/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion of inputs and outputs from and to float: the only floating point there is. */
#ifndef EDGE_ENDS_H
#define EDGE_ENDS_H

#include <stdint.h>

#include "edge_attributes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* out[i] = in[i] / scale + zero_point, rounded to nearest, halves away from zero, and clamped to
 * the type. NaN becomes the least value. */
typedef struct {
  float scale;
  uint32_t size;
  int32_t zero_point;
} edge_quantize_t;

EDGE_KERNELS_ATTR void edge_quantize_8(const edge_quantize_t *p, const float *in, int8_t *out);
EDGE_KERNELS_ATTR void edge_quantize_16(const edge_quantize_t *p, const float *in, int16_t *out);

/* out[i] = scale * (in[i] - zero_point), rounded once. */
typedef struct {
  float scale;
  uint32_t size;
  int32_t zero_point;
} edge_dequantize_t;

EDGE_KERNELS_ATTR void edge_dequantize_8(const edge_dequantize_t *p, const int8_t *in, float *out);
EDGE_KERNELS_ATTR void edge_dequantize_16(const edge_dequantize_t *p, const int16_t *in,
                                          float *out);

#ifdef __cplusplus
}
#endif

#endif /* EDGE_ENDS_H */
