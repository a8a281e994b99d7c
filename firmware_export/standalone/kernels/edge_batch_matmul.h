/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_BATCH_MATMUL_H
#define EDGE_BATCH_MATMUL_H

#include <stdint.h>

#include "edge_attributes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Products of matrices a [rows, depth] and b [depth, columns], for each of a batch with three axes.
 * Distances are in items; those of a batch are 0 along axes that repeat. With 16 bits zero points
 * are 0, sums stay below 2^47 and shift is -7 to 31; with 8 bits sums may wrap, and it is -30 to
 * 31. */
typedef struct {
  int32_t multiplier;
  uint32_t extent[3], a_batch[3], b_batch[3];
  uint32_t rows, columns, depth;
  uint32_t a_row, a_step; /* from row to row, and from item to item of a sum */
  uint32_t b_column, b_step;
  int8_t shift;
  int8_t a_zero_point, b_zero_point, zero_point;
} edge_batch_matmul_t;

EDGE_KERNELS_ATTR void edge_batch_matmul_8(const edge_batch_matmul_t *p, const int8_t *a,
                                           const int8_t *b, int8_t *out);
EDGE_KERNELS_ATTR void edge_batch_matmul_16(const edge_batch_matmul_t *p, const int16_t *a,
                                            const int16_t *b, int16_t *out);

#ifdef __cplusplus
}
#endif

#endif
