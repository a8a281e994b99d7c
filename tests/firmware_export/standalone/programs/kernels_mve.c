/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels_dsp.c does not try of the kernels for MVE: weights without -128, which most of their
 * loops ask for; scratch of just the size that edge_kernels.h promises; rows beyond 16-bit offsets;
 * tables.
 *
 * The portable kernels are linked under names of their own, see kernels_mve_test.py. */
#include <string.h>

#include "board.h"
#include "edge_kernels.h"

void portable_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch);
void portable_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                          void *scratch);
void portable_depthwise(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch);
void portable_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out);
void portable_table(const edge_table_t *p, const int8_t *in, int8_t *out);

#define CASES 250
#define INPUT 90000
#define OUTPUT 90000
#define SCRATCH 20000
#define MOST_CHANNELS 72
#define GUARD 90 /* what unused memory holds */

static uint32_t state = 1, failures;
static int8_t weights[24000], table[256], shifts[MOST_CHANNELS];
static int32_t bias[MOST_CHANNELS], multipliers[MOST_CHANNELS];
static int8_t input[INPUT], expected[OUTPUT], result[OUTPUT];
static uint64_t scratch[SCRATCH / 8], large[SCRATCH / 8];

static uint32_t below(uint32_t end) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % end;
}

static uint32_t between(uint32_t least, uint32_t most) { return least + below(most - least + 1); }

static uint32_t one_in(uint32_t n) { return below(n) == 0; }

static int8_t byte(void) {
  const uint32_t kind = below(8);
  return (int8_t)(kind == 0 ? -128 : kind == 1 ? 127 : (int32_t)below(256) - 128);
}

static void fill_input(uint32_t size) {
  const uint32_t ends = one_in(4);
  for (uint32_t i = 0; i < size; i++) {
    input[i] = ends ? (int8_t)(below(2) ? 127 : -128) : byte();
  }
}

/* Weights of `taps` taps: small, large, at their ends, or zero for a whole tap. */
static void fill_weights(uint32_t taps, uint32_t channels) {
  const uint32_t most = one_in(3) ? 127 : between(1, 127);
  const uint32_t ends = one_in(4);
  for (uint32_t k = 0; k < taps; k++) {
    const uint32_t none = one_in(4);
    for (uint32_t c = 0; c < channels; c++) {
      const int32_t value = (int32_t)below(2 * most + 1) - (int32_t)most;
      const int32_t end = below(2) ? 127 : -127;
      weights[k * channels + c] = (int8_t)(none ? 0 : ends ? end : value);
    }
  }
}

static void fill_scaling(uint32_t channels, uint32_t products) {
  uint32_t bits = 14;
  while (products >> (bits - 14) > 0) {
    bits++;
  }
  for (uint32_t c = 0; c < channels; c++) {
    const int32_t range = (int32_t)1 << (one_in(8) ? 29 : between(1, bits + 1));
    bias[c] = (int32_t)below((uint32_t)range) - range / 2;
    multipliers[c] = one_in(16) ? 0 : (int32_t)((1u << 30) + below(1u << 30));
    shifts[c] = (int8_t)(one_in(4) ? between(1, 22) : between(bits - 10, bits - 4));
  }
}

static void compare(const char *what, uint32_t number) {
  if (memcmp(expected, result, OUTPUT) != 0 && failures++ < 10) {
    board_print(what);
    board_print(" differs in case ");
    board_print_unsigned(number);
    board_print("\n");
  }
  memset(expected, GUARD, OUTPUT);
  memset(result, GUARD, OUTPUT);
}

/* Scratch of `size` bytes; check_scratch() sees whether more was written. */
static void *exact_scratch(uint32_t size) {
  memset((int8_t *)scratch + size, GUARD, SCRATCH - size);
  return scratch;
}

static void check_scratch(const char *what, uint32_t size) {
  const int8_t *bytes = (const int8_t *)scratch;
  for (uint32_t i = size; i < SCRATCH; i++) {
    if (bytes[i] != GUARD && failures++ < 10) {
      board_print(what);
      board_print(" writes behind its scratch\n");
      return;
    }
  }
}

static uint32_t pointwise_scratch(uint32_t depth) { return 4 * depth; }

static void pointwise(uint32_t number) {
  edge_pointwise_t p = {.weights = weights,
                        .bias = bias,
                        .multiplier = multipliers,
                        .shift = shifts,
                        .rows = 1,
                        .zero_point = byte(),
                        .low = -128,
                        .high = 127};
  p.table = one_in(3) ? table : NULL;
  p.width = (uint16_t)between(1, 13);
  p.in_channels = (uint16_t)between(1, one_in(3) ? 150 : 36);
  p.out_channels = (uint16_t)between(1, MOST_CHANNELS);
  fill_weights(1, (uint32_t)p.in_channels * p.out_channels);
  fill_scaling(p.out_channels, p.in_channels);
  fill_input((uint32_t)p.width * p.in_channels);
  const uint32_t size = pointwise_scratch(p.in_channels);
  portable_pointwise(&p, input, expected, large);
  edge_pointwise(&p, input, result, exact_scratch(size));
  check_scratch("pointwise", size);
  compare("pointwise", number);
}

/* A window on an image, in one group or one for each channel. */
static edge_convolution_t windows(uint32_t width, uint32_t channels) {
  edge_convolution_t p = {.weights = weights,
                          .bias = bias,
                          .multiplier = multipliers,
                          .shift = shifts,
                          .batches = 1,
                          .groups = 1,
                          .in_zero_point = byte(),
                          .zero_point = byte(),
                          .low = -128,
                          .high = 127};
  const uint32_t is_row = one_in(2);
  p.kernel_height = (uint8_t)(is_row ? 1 : between(1, 5));
  p.kernel_width = (uint8_t)between(1, is_row ? 9 : 5);
  p.stride_y = (uint8_t)between(1, 2);
  p.stride_x = (uint8_t)(one_in(3) ? 2 : 1);
  p.dilation_y = (uint16_t)between(1, 2);
  p.dilation_x = (uint16_t)(one_in(3) ? between(1, 8) : 1);
  p.pad_top = (uint16_t)below(p.kernel_height);
  p.pad_left = (uint16_t)below((uint32_t)(p.kernel_width - 1) * p.dilation_x + 1);
  p.in_height = (uint16_t)between(1, 6);
  p.in_width = (uint16_t)width;
  p.out_height = (uint16_t)between(1, 3);
  p.out_width = (uint16_t)((width + p.stride_x - 1) / p.stride_x);
  p.in_channels = (uint16_t)channels;
  p.in_row = width * channels;
  if (one_in(4)) {
    p.low = (int8_t)between(0, 100);
    p.low = (int8_t)(p.low - 128);
    p.high = (int8_t)between(0, 127);
  }
  p.table = one_in(3) ? table : NULL;
  return p;
}

static void convolution(uint32_t number) {
  edge_convolution_t p = windows(between(1, 20), between(1, 4));
  p.out_channels = (uint16_t)between(1, 20);
  p.out_row = (uint32_t)p.out_width * p.out_channels;
  const uint32_t depth = (uint32_t)p.kernel_height * p.kernel_width * p.in_channels;
  fill_weights(1, depth * p.out_channels);
  fill_scaling(p.out_channels, depth);
  fill_input(p.in_row * p.in_height);
  const uint32_t size = pointwise_scratch(depth) + 16;
  portable_convolution(&p, input, expected, large);
  edge_convolution(&p, input, result, exact_scratch(size));
  check_scratch("convolution", size);
  compare("convolution", number);
}

static void depthwise(uint32_t number, uint32_t width, uint32_t channels) {
  edge_convolution_t p = windows(width, channels);
  if (width * channels * 5 > OUTPUT) {
    p.kernel_height = 1;
    p.in_height = 1;
    p.out_height = 1;
    p.pad_top = 0;
  }
  p.out_channels = p.in_channels;
  p.out_row = (uint32_t)p.out_width * p.out_channels;
  p.groups = p.in_channels;
  const uint32_t taps = (uint32_t)p.kernel_height * p.kernel_width;
  fill_weights(taps, channels);
  fill_scaling(channels, taps);
  fill_input(p.in_row * p.in_height);
  const uint32_t size = 8 * taps + channels;
  portable_depthwise(&p, input, expected, large);
  edge_depthwise(&p, input, result, exact_scratch(size));
  check_scratch("depthwise", size);
  compare("depthwise", number);
}

static void row_sum(uint32_t number, uint32_t width, uint32_t channels) {
  edge_row_sum_t p = {.weights = weights,
                      .bias = bias,
                      .multiplier = multipliers,
                      .shift = shifts,
                      .zero_point = byte(),
                      .low = -128,
                      .high = 127};
  p.taps = (uint16_t)(one_in(3) ? between(5, 34) : between(1, 5));
  p.width = (uint16_t)width;
  p.channels = (uint16_t)channels;
  const int8_t *rows[34];
  for (uint32_t k = 0; k < p.taps; k++) {
    rows[k] = input + below(INPUT - width * channels);
  }
  fill_weights(p.taps, channels);
  fill_scaling(channels, p.taps);
  fill_input(INPUT);
  portable_row_sum(&p, rows, expected);
  edge_row_sum(&p, rows, result);
  compare("row_sum", number);
}

static void tables(uint32_t number) {
  const edge_table_t p = {table, between(1, 70)};
  const uint32_t at = below(5);
  fill_input(100);
  portable_table(&p, input + at, expected);
  edge_table(&p, input + at, result);
  compare("table", number);
  memcpy(expected, input, 100);
  memcpy(result, input, 100);
  portable_table(&p, expected + at, expected + at);
  edge_table(&p, result + at, result + at);
  compare("table in place", number);
}

int main(void) {
  board_init();
  for (uint32_t i = 0; i < sizeof table; i++) {
    table[i] = byte();
  }
  compare("nothing", 0); /* fills both with the guard */
  for (uint32_t i = 0; i < CASES; i++) {
    pointwise(i);
    convolution(i);
    depthwise(i, between(1, 40), one_in(2) ? 8 * between(1, 3) : between(1, 30));
    tables(i);
    if (i % 8 == 0) {
      row_sum(i, between(1, 110), between(1, 30));
    }
  }
  depthwise(CASES, 9000, 8);
  row_sum(CASES, 9000, 8);
  row_sum(CASES + 1, 4096, 16);
  board_print(failures ? "failed\n" : "passed\n");
  return failures != 0;
}
