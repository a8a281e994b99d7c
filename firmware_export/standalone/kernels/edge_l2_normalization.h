/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_L2_NORMALIZATION_H
#define EDGE_L2_NORMALIZATION_H

#include <stdint.h>

#include "edge_attributes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Each row divided by its Euclidean norm; the output has scale 1/128. In place. */
typedef struct {
  uint32_t rows;
  uint16_t depth; /* at most 33,025 */
  int8_t in_zero_point;
} edge_l2_normalization_t;

EDGE_KERNELS_ATTR void edge_l2_normalization(const edge_l2_normalization_t *p, const int8_t *in,
                                             int8_t *out);

#ifdef __cplusplus
}
#endif

#endif
