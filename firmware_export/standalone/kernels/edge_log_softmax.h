/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_LOG_SOFTMAX_H
#define EDGE_LOG_SOFTMAX_H

#include <stdint.h>

#include "edge_attributes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Logarithm of the softmax over the last axis; the output has scale 1/16 and zero point 127.
 * In place.
 *
 * exps[d] is exp(-d * scale) in 31 fractional bits; differences from exps_size on have no weight.
 * A difference times multiplier and left shift has 26 fractional bits; `divisor` and a right shift
 * undo this. Differences of `reach` and more are the smallest output. */
typedef struct {
  const int32_t *exps;
  int32_t multiplier, divisor;
  uint32_t rows;
  uint16_t depth;
  uint16_t exps_size;
  uint16_t reach;
  int8_t left, right;
} edge_log_softmax_t;

EDGE_KERNELS_ATTR void edge_log_softmax(const edge_log_softmax_t *p, const int8_t *in, int8_t *out);

#ifdef __cplusplus
}
#endif

#endif
