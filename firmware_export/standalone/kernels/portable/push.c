/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_kernels.h"

void edge_push(const edge_push_t *p, const int8_t *in, int8_t *state) {
  memmove(state, state + p->pushed, p->kept);
  memcpy(state + p->kept, in, p->pushed);
}
