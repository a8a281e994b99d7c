/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_log_softmax.h"

#include "edge_fraction.h"
#include "edge_requantize.h"

#define HALF_ROOT INT32_C(1518500250)      /* sqrt(1/2) */
#define HALF_ROOT_ROOT INT32_C(1805811301) /* its square root */

/* x / 2^bits, ties away from zero. */
static int32_t divide(int32_t x, int32_t bits) {
  return (int32_t)(((int64_t)x + (x >> 31) + (INT32_C(1) << (bits - 1))) >> bits);
}

static int32_t saturated(int64_t x) { return x > INT32_MAX ? INT32_MAX : (int32_t)x; }

/* log(sum) with 26 fractional bits, for a sum of at least 1 with 19.
 *
 * The sum is r * 2^e, with r near sqrt(sqrt(1/2)) by a choice of two exponents that differ by one
 * half; a rational function of the distance from there is log(r). Exponents have 25 fractional
 * bits. */
static int32_t logarithm(int32_t sum) {
  const int32_t zeros = edge_leading_zeros((uint32_t)sum);
  const int32_t halved = edge_fraction_product(sum, HALF_ROOT);
  const int32_t halved_zeros = edge_leading_zeros((uint32_t)halved);
  const int32_t whole = edge_fraction_product((int32_t)((uint32_t)sum << (zeros - 1)), HALF_ROOT);
  const int32_t r_a = saturated((int64_t)whole * 2);
  const int32_t r_b = saturated((int64_t)sum << (halved_zeros - 1));
  const int32_t quarter = INT32_C(1) << 23;
  const int32_t e_a = (12 - zeros) * (1 << 25) + quarter;
  const int32_t e_b = (13 - halved_zeros) * (1 << 25) - quarter;
  const int32_t r = r_a < r_b ? r_a : r_b;
  const int32_t exponent = e_a > e_b ? e_a : e_b;

  const int32_t p = (int32_t)(((int64_t)r + HALF_ROOT_ROOT + 1) >> 1);
  const int32_t q = (r - HALF_ROOT_ROOT) * 2;
  const int32_t square = edge_fraction_product(q, q);
  const int32_t numerator = edge_fraction_product(q, r) +
                            edge_fraction_product(edge_fraction_product(q, square), 117049297);
  const int32_t inner = 1057819769 + q + edge_fraction_product(127690142, square);
  const int32_t denominator = edge_fraction_product(p, inner) + edge_fraction_product(638450708, q);
  const int32_t log_r =
      edge_fraction_product(divide(numerator, 6), edge_one_over_one_plus(denominator));
  return (edge_fraction_product(exponent, 1488522236) + log_r) * 2;
}

void edge_log_softmax(const edge_log_softmax_t *p, const int8_t *in, int8_t *out) {
  const edge_log_softmax_t local = *p;
  for (uint32_t row = 0; row < local.rows; row++, in += local.depth, out += local.depth) {
    int32_t most = -128;
    for (uint32_t i = 0; i < local.depth; i++) {
      most = in[i] > most ? in[i] : most;
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < local.depth; i++) {
      const int32_t difference = most - in[i];
      if (difference < local.exps_size) {
        sum += ((uint32_t)local.exps[difference] + (1u << 11)) >> 12;
      }
    }
    const int32_t log_sum = logarithm((int32_t)sum);
    /* Beyond this, a difference has no number with 26 fractional bits. */
    const int32_t end = -edge_rescale_any(log_sum + INT32_MIN, local.divisor, local.right);
    const int32_t reach = end < local.reach ? end : local.reach;
    for (uint32_t i = 0; i < local.depth; i++) {
      const int32_t difference = most - in[i];
      int32_t value = -128;
      if (difference < reach) {
        const int32_t scaled = edge_rescale_any(-difference, local.multiplier, -local.left);
        value = edge_clamp(divide(scaled - log_sum, 22) + 127, -128, 127);
      }
      out[i] = (int8_t)value;
    }
  }
}
