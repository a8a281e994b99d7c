/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "edge_recurrent.h"
#include "edge_svdf_steps.h"

void edge_svdf_8(const edge_svdf_t *p, const int8_t *in, const int8_t *time, int8_t *state,
                 int8_t *out) {
  const uint32_t memory = p->memory;
  for (uint32_t n = 0; n < p->batches; n++, in += p->inputs) {
    const int8_t *weights = time;
    uint32_t filter = 0;
    for (uint32_t unit = 0; unit < p->units; unit++) {
      uint32_t sum = 0;
      for (uint32_t r = 0; r < p->rank; r++, filter++, state += memory, weights += memory) {
        memmove(state, state + 1, (memory - 1) * sizeof *state);
        const int32_t feature = edge_clamp(edge_svdf_feature(p, in, filter), INT8_MIN, INT8_MAX);
        /* It wraps, as in the reference. */
        state[memory - 1] = (int8_t)(((feature + p->state_zero_point + 128) & 0xFF) - 128);
        for (uint32_t i = 0; i < memory; i++) {
          sum += (uint32_t)(weights[i] * (state[i] - p->state_zero_point));
        }
      }
      *out++ = edge_svdf_output(p, unit, sum);
    }
  }
}
