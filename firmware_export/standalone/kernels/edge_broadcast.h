/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGE_BROADCAST_H
#define EDGE_BROADCAST_H

#include <stdint.h>

#include "edge_attributes.h"
#include "edge_kernels.h"

/* Computes `count` items in a row; `p` is the caller's. Inputs are a_step and b_step items apart,
 * 0 or 1. A row is a function of its own, since the loops around it would take its registers. */
typedef void (*edge_row_t)(const void *p, const void *a, uint32_t a_step, const void *b,
                           uint32_t b_step, void *out, uint32_t count);

/* Computes all rows of an op on two inputs that repeat along some axes; in_item and out_item are
 * the bytes of their items. */
EDGE_KERNELS_ATTR void edge_broadcast(const edge_broadcast_t *shape, uint32_t in_item,
                                      uint32_t out_item, edge_row_t row, const void *p,
                                      const void *a, const void *b, void *out);

#endif
