/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the routines of edge_requantize.h with what they stand for, written out in 64 bits. */
#include "board.h"
#include "edge_requantize.h"

static uint32_t state = 1;

static uint32_t random_bits(void) {
  state = state * 1664525u + 1013904223u;
  return state >> 16 | state << 16;
}

/* A number of a random size, of either sign, with |x| < 2^bits; often at an end. */
static int32_t random_number(uint32_t bits) {
  const uint32_t mask = (uint32_t)((UINT64_C(1) << (random_bits() % (bits + 1u))) - 1u);
  const uint32_t kind = random_bits() % 8u;
  uint32_t size = random_bits() & mask;
  if (kind == 0u) {
    size = mask;
  } else if (kind == 1u) {
    size = mask >> 1;
  }
  return random_bits() % 2u ? (int32_t)size : -(int32_t)size;
}

/* Ties away from zero, except that the high half's go up. */
static int64_t reference(int64_t x, int32_t multiplier, int32_t right) {
  const int64_t product = x * multiplier;
  const int64_t nudge = product >= 0 ? INT64_C(1) << 30 : 1 - (INT64_C(1) << 30);
  const int64_t high = (product + nudge) / (INT64_C(1) << 31);
  if (right == 0) {
    return high;
  }
  const int64_t half = INT64_C(1) << (right - 1);
  return high >= 0 ? (high + half) >> right : -((-high + half) >> right);
}

static uint32_t failures;

static void expect(const char *what, int64_t expected, int64_t result) {
  if (expected != result && failures++ < 10u) {
    board_print(what);
    board_print(" differs\n");
  }
}

int main(void) {
  board_init();
  for (uint32_t i = 0; i < 200000u; i++) {
    const int32_t multiplier = (int32_t)(random_bits() % 16u ? random_bits() >> 1 : 0x7fffffffu);
    const int32_t x = random_number(30);
    const int32_t shift = (int32_t)(random_bits() % 31u) + 1;
    expect("edge_requantize", reference(x, multiplier, shift),
           edge_requantize(x, multiplier, shift));
    expect("edge_rescale", reference(x, multiplier, shift), edge_rescale(x, multiplier, shift));
    expect("edge_rescale, no shift", reference(x, multiplier, 0), edge_rescale(x, multiplier, 0));
    expect("edge_requantize, largest", x / 2 * 2, 2 * edge_requantize(x / 2 * 2, INT32_MAX, 1));

    const int32_t left = (int32_t)(random_bits() % 29u);
    const int32_t small = random_number((uint32_t)(30 - left));
    expect("edge_rescale, left", reference((int64_t)small * (INT64_C(1) << left), multiplier, 0),
           edge_rescale(small, multiplier, -left));

    const int32_t any = (int32_t)random_bits();
    expect("edge_rescale_any", reference(any, multiplier, shift),
           edge_rescale_any(any, multiplier, shift));
    const int32_t wrapped = (int32_t)((uint32_t)any << left);
    expect("edge_rescale_any, left", reference(wrapped, multiplier, 0),
           edge_rescale_any(any, multiplier, -left));
  }
  board_print(failures ? "failed\n" : "passed\n");
  return failures ? 1 : 0;
}
