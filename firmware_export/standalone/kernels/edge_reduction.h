/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_REDUCTION_H
#define EDGE_REDUCTION_H

#include <stdint.h>

#include "edge_attributes.h"
#include "edge_kernels.h"

/* What an op does with all items that one item of its output depends on. Lines are functions of
 * their own, since the loops around them would take their registers. */
typedef struct {
  uint32_t item; /* bytes of an item, in and out */
  int32_t start;
  /* Combines `count` items, `step` of them apart. */
  int32_t (*line)(int32_t so_far, const void *in, uint32_t step, uint32_t count);
  void (*finish)(const void *p, int32_t combined, void *out);
} edge_reduction_t;

/* Computes all items of the output: finish(p, combined, out). */
EDGE_KERNELS_ATTR void edge_reduce(const edge_axes_t *axes, const edge_reduction_t *how,
                                   const void *p, const void *in, void *out);

#endif
