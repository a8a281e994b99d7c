/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_kernels.h"
#include "edge_mve.h"

void edge_table(const edge_table_t *p, const int8_t *in, int8_t *out) {
  if (in != out) {
    memcpy(out, in, p->size);
  }
  edge_mve_finish(out, p->size, -128, 127, p->table);
}
