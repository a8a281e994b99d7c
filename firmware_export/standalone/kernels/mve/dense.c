/* SPDX-License-Identifier: Apache-2.0 */
/* Four outputs at a time: sixteen values are read once for four products each. */
#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_requantize.h"

/* The outputs of four rows, or of the last ones. */
static void four_rows(const edge_dense_t *p, const int8_t *in, uint32_t o, int8_t *out) {
  const uint32_t depth = p->in_channels;
  const uint32_t left = p->out_channels - o;
  const mve_pred16_t lanes = vctp32q(left);
  const int8_t *w0 = p->weights + o * depth;
  const int8_t *w1 = w0 + (left > 1 ? depth : 0);
  const int8_t *w2 = w1 + (left > 2 ? depth : 0);
  const int8_t *w3 = w2 + (left > 3 ? depth : 0);
  int32_t sum0 = 0;
  int32_t sum1 = 0;
  int32_t sum2 = 0;
  int32_t sum3 = 0;
  const int8_t *x = in;
  for (uint32_t i = depth / 16; i > 0; i--) {
    const int8x16_t values = vldrbq_s8(x);
    sum0 = vmladavaq_s8(sum0, values, vldrbq_s8(w0));
    sum1 = vmladavaq_s8(sum1, values, vldrbq_s8(w1));
    sum2 = vmladavaq_s8(sum2, values, vldrbq_s8(w2));
    sum3 = vmladavaq_s8(sum3, values, vldrbq_s8(w3));
    x += 16;
    w0 += 16;
    w1 += 16;
    w2 += 16;
    w3 += 16;
  }
  const uint32_t rest = depth % 16;
  if (rest > 0) {
    const int8x16_t values = edge_mve_load(x, rest);
    sum0 = vmladavaq_s8(sum0, values, edge_mve_load(w0, rest));
    sum1 = vmladavaq_s8(sum1, values, edge_mve_load(w1, rest));
    sum2 = vmladavaq_s8(sum2, values, edge_mve_load(w2, rest));
    sum3 = vmladavaq_s8(sum3, values, edge_mve_load(w3, rest));
  }
  int32x4_t sums = edge_mve_join_high(edge_mve_join_low(sum0, sum1), sum2, sum3);
  sums = vaddq_s32(sums, vldrwq_z_s32(p->bias + o, lanes));
  const int32x4_t high = vqrdmulhq_s32(sums, vldrwq_z_s32(p->multiplier + o, lanes));
  const int32x4_t shift = vnegq_s32(vldrbq_z_s32(p->shift + o, lanes));
  const int32x4_t scaled = vrshlq_s32(vaddq_s32(high, vshrq_n_s32(sums, 31)), shift);
  const int32x4_t bytes = edge_mve_saturate(vaddq_n_s32(scaled, p->zero_point));
  vstrbq_p_s32(out + o, bytes, lanes);
}

void edge_dense(const edge_dense_t *p, const int8_t *in, int8_t *out) {
  for (uint32_t o = 0; o < p->out_channels; o += 4) {
    four_rows(p, in, o, out);
  }
  edge_mve_finish(out, p->out_channels, p->low, p->high, p->table);
}
