/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* Copies from the first byte on, so that `to` may overlap `from` from lower addresses on. */
static int8_t *copy(int8_t *to, const int8_t *from, uint32_t size) {
  for (; size >= 8; size -= 8, to += 8, from += 8) {
    const uint32_t first = edge_load_word(from);
    const uint32_t second = edge_load_word(from + 4);
    memcpy(to, &first, 4);
    memcpy(to + 4, &second, 4);
  }
  for (; size > 0; size--) {
    *to++ = *from++;
  }
  return to;
}

void edge_push(const edge_push_t *p, const int8_t *in, int8_t *state) {
  (void)copy(copy(state, state + p->pushed, p->kept), in, p->pushed);
}
