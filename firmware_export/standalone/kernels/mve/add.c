/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_mve.h"
#include "edge_requantize.h"

/* Four values minus `zero_point`, times 2^`bits`. */
static inline int32x4_t read(const int8_t *from, int32_t zero_point, int32_t bits) {
  return vshlq_r_s32(vsubq_n_s32(vldrbq_s32(from), zero_point), bits);
}

/* Four at a time; the rest one by one, so that nothing after the inputs is read. */
void edge_add(const edge_add_t *p, const int8_t *a, const int8_t *b, int8_t *out) {
  const edge_add_t local = *p;
  const uint32_t whole = local.size & ~UINT32_C(3);
  for (uint32_t i = whole; i > 0; i -= 4, a += 4, b += 4, out += 4) {
    const int32x4_t scaled_a = vmulq_n_s32(read(a, local.a_zero_point, 19), local.a_sign);
    const int32x4_t high = edge_mve_multiply(read(b, local.b_zero_point, 20), local.b_multiplier);
    const int32x4_t scaled_b = vrshlq_n_s32(high, -local.b_shift);
    const int32x4_t sum = vmlaq_n_s32(scaled_a, scaled_b, local.b_sign);
    const int32x4_t scaled = vrshlq_n_s32(edge_mve_multiply(sum, local.multiplier), -local.shift);
    const int32x4_t value = vaddq_n_s32(scaled, local.zero_point);
    vstrbq_s32(out, vminq_s32(vmaxq_s32(value, vdupq_n_s32(local.low)), vdupq_n_s32(local.high)));
  }
  for (uint32_t i = 0; i < local.size - whole; i++) {
    out[i] = edge_sum(&local, a[i], b[i]);
  }
}
