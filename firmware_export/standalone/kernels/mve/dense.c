/* SPDX-License-Identifier: Apache-2.0 */
/* Four outputs at a time: sixteen values are read once for four products each. */
#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_requantize.h"

#define ROWS 4
#define RUN 16

/* The sums of four rows, from `left` values on; the weights of `left` % 16 are adjacent, too. */
static int32x4_t four_rows(const int8_t *x, const int8_t *w, uint32_t left) {
  int32_t sum0 = 0;
  int32_t sum1 = 0;
  int32_t sum2 = 0;
  int32_t sum3 = 0;
  for (uint32_t i = left / RUN; i > 0; i--) {
    const int8x16_t values = vldrbq_s8(x);
    sum0 = vmladavaq_s8(sum0, values, vldrbq_s8(w));
    sum1 = vmladavaq_s8(sum1, values, vldrbq_s8(w + RUN));
    sum2 = vmladavaq_s8(sum2, values, vldrbq_s8(w + 2 * RUN));
    sum3 = vmladavaq_s8(sum3, values, vldrbq_s8(w + 3 * RUN));
    x += RUN;
    w += ROWS * RUN;
  }
  const uint32_t rest = left % RUN;
  if (rest > 0) {
    const int8x16_t values = edge_mve_load(x, rest);
    sum0 = vmladavaq_s8(sum0, values, edge_mve_load(w, rest));
    sum1 = vmladavaq_s8(sum1, values, edge_mve_load(w + rest, rest));
    sum2 = vmladavaq_s8(sum2, values, edge_mve_load(w + 2 * rest, rest));
    sum3 = vmladavaq_s8(sum3, values, edge_mve_load(w + 3 * rest, rest));
  }
  return edge_mve_join_high(edge_mve_join_low(sum0, sum1), sum2, sum3);
}

/* The sum of a row that is stored by itself. */
static int32_t one_row(const int8_t *x, const int8_t *w, uint32_t left) {
  int32_t sum = 0;
  for (; left > 0; x += RUN, w += RUN) {
    const uint32_t count = left < RUN ? left : RUN;
    sum = vmladavaq_s8(sum, edge_mve_load(x, count), edge_mve_load(w, count));
    left -= count;
  }
  return sum;
}

/* Scales the sums of outputs from o on, up to four. */
static void scale(const edge_dense_t *p, int32x4_t sums, uint32_t o, int8_t *out) {
  const mve_pred16_t lanes = vctp32q(p->out_channels - o);
  sums = vaddq_s32(sums, vldrwq_z_s32(p->bias + o, lanes));
  const int32x4_t high = vqrdmulhq_s32(sums, vldrwq_z_s32(p->multiplier + o, lanes));
  const int32x4_t shift = vnegq_s32(vldrbq_z_s32(p->shift + o, lanes));
  const int32x4_t scaled = vrshlq_s32(vaddq_s32(high, vshrq_n_s32(sums, 31)), shift);
  const int32x4_t bytes = edge_mve_saturate(vaddq_n_s32(scaled, p->zero_point));
  vstrbq_p_s32(out + o, bytes, lanes);
}

void edge_dense(const edge_dense_t *p, const int8_t *in, int8_t *out) {
  const uint32_t depth = p->in_channels;
  const int8_t *w = p->weights;
  uint32_t o = 0;
  for (; o + ROWS <= p->out_channels; o += ROWS, w += ROWS * depth) {
    scale(p, four_rows(in, w, depth), o, out);
  }
  if (o < p->out_channels) {
    int32_t sums[ROWS] = {0};
    for (uint32_t i = 0; o + i < p->out_channels; i++, w += depth) {
      sums[i] = one_row(in, w, depth);
    }
    scale(p, vldrwq_s32(sums), o, out);
  }
  edge_mve_finish(out, p->out_channels, p->low, p->high, p->table);
}
