/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_mve.h"

void edge_push(const edge_push_t *p, const int8_t *in, int8_t *state) {
  /* Towards lower addresses: vectors are read before anything of them is overwritten. */
  int8_t *const end = edge_mve_copy(state, state + p->pushed, p->kept);
  (void)edge_mve_copy(end, in, p->pushed);
}
