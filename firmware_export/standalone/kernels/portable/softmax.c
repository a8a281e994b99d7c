/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_fraction.h"
#include "edge_kernels.h"
#include "edge_requantize.h"

void edge_softmax(const edge_softmax_t *p, const int8_t *in, int8_t *out) {
  const uint32_t depth = p->depth;
  for (uint32_t row = 0; row < p->rows; row++, in += depth, out += depth) {
    int32_t most = -128;
    for (uint32_t i = 0; i < depth; i++) {
      most = in[i] > most ? in[i] : most;
    }
    uint32_t sum = 0; /* 19 fractional bits; at least 1, from the largest itself */
    for (uint32_t i = 0; i < depth; i++) {
      const int32_t difference = most - in[i];
      if (difference < p->exps_size) {
        sum += ((uint32_t)p->exps[difference] + (1u << 11)) >> 12;
      }
    }
    int32_t shift = 35; /* 23, and one for each bit that the sum has before the point */
    while (!(sum >> 31)) {
      sum <<= 1;
      shift--;
    }
    const int32_t scale = edge_one_over_one_plus((int32_t)(sum - (UINT32_C(1) << 31)));
    for (uint32_t i = 0; i < depth; i++) {
      const int32_t difference = most - in[i];
      uint32_t share = 0;
      if (difference < p->exps_size) {
        share = (uint32_t)edge_fraction_product(scale, p->exps[difference]);
        /* A sum of 512 or more, from as many items: less than half a step remains. */
        share = shift < 32 ? (share + (UINT32_C(1) << (shift - 1))) >> shift : 0;
      }
      out[i] = (int8_t)edge_clamp((int32_t)share - 128, -128, 127);
    }
  }
}
