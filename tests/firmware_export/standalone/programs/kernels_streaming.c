/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream does to kernels: one pixel at a time, and memory that lasts.
 *
 * A core's kernels for one pixel are compared with the portable ones, linked under names of their
 * own, see kernels_streaming_test.py; pushing and the sliding mean with what they are defined to
 * give, computed anew for each frame. */
#include <string.h>

#include "board.h"
#include "edge_kernels.h"

void portable_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch);
void portable_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out);

#define CASES 400
#define MOST_CHANNELS 45
#define MOST_DEPTH 150
#define MOST_TAPS 40
#define MOST_FRAMES 30

static uint32_t state = 1;
static uint32_t failures;

static int8_t weights[MOST_CHANNELS * MOST_DEPTH], table[256], shifts[MOST_CHANNELS];
static int32_t bias[MOST_CHANNELS], multipliers[MOST_CHANNELS];
static int8_t memory[4000], expected[400], result[400];
static uint64_t scratch[160];

static uint32_t below(uint32_t end) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % end;
}

static uint32_t between(uint32_t least, uint32_t most) { return least + below(most - least + 1); }

static void fill(int8_t *to, uint32_t size) {
  const uint32_t ends = below(3) == 0;
  for (uint32_t i = 0; i < size; i++) {
    to[i] = ends ? (int8_t)(below(2) ? 127 : -128) : (int8_t)((int32_t)below(256) - 128);
  }
}

static void fill_scaling(uint32_t channels, uint32_t products) {
  uint32_t bits = 14;
  while (products >> (bits - 14) > 0) {
    bits++;
  }
  for (uint32_t c = 0; c < channels; c++) {
    bias[c] = (int32_t)below(1u << bits) - (1 << (bits - 1));
    multipliers[c] = (int32_t)((1u << 30) + below(1u << 30));
    shifts[c] = (int8_t)between(bits - 10, bits - 4);
  }
}

static void fill_bounds(int8_t *zero_point, int8_t *low, int8_t *high) {
  *zero_point = (int8_t)((int32_t)below(256) - 128);
  *low = below(3) ? -128 : *zero_point;
  *high = below(3) ? 127 : (int8_t)(*low + (int32_t)below((uint32_t)(128 - *low)));
}

static const int8_t *some_table(void) {
  fill(table, sizeof table);
  return below(2) ? table : NULL;
}

static void compare(const char *what, uint32_t number, const void *a, const void *b, size_t size) {
  if (memcmp(a, b, size) != 0 && failures++ < 10) {
    board_print(what);
    board_print(" differs in case ");
    board_print_unsigned(number);
    board_print("\n");
  }
}

/* In place where outputs are no more than inputs; nothing behind output or scratch is written. */
static void pointwise(uint32_t number) {
  edge_pointwise_t p = {.group = 6,
                        .weights = weights,
                        .bias = bias,
                        .multiplier = multipliers,
                        .shift = shifts,
                        .table = some_table(),
                        .rows = 1,
                        .width = 1};
  p.in_channels = (uint16_t)(below(4) ? between(1, 40) : between(1, MOST_DEPTH));
  p.out_channels = (uint16_t)between(1, MOST_CHANNELS);
  p.in_row = p.in_channels;
  p.out_row = p.out_channels;
  fill(weights, (uint32_t)p.in_channels * p.out_channels);
  fill_scaling(p.out_channels, p.in_channels);
  fill_bounds(&p.zero_point, &p.low, &p.high);
  fill(memory, sizeof memory);
  const uint32_t at = below(8);
  const int8_t *in = memory + at;
  memset(expected, 0x5A, sizeof expected);
  portable_pointwise(&p, in, expected + at, scratch);

  const uint32_t most = 2 * ((p.in_channels + 3u) / 4 * 4) * 4;
  memset(scratch, 0x5A, sizeof scratch);
  memset(result, 0x5A, sizeof result);
  if (p.out_channels <= p.in_channels && below(4)) {
    memcpy(result + at, in, p.in_channels);
    edge_pointwise(&p, result + at, result + at, scratch);
    compare("input behind the output", number, in + p.out_channels, result + at + p.out_channels,
            p.in_channels - p.out_channels);
    memset(result + at + p.out_channels, 0x5A, p.in_channels - p.out_channels);
  } else {
    edge_pointwise(&p, in, result + at, scratch);
  }
  compare("pointwise", number, expected, result, sizeof expected);
  for (uint32_t i = most; i < sizeof scratch; i++) {
    failures += ((const uint8_t *)scratch)[i] != 0x5A;
  }
}

static void row_sum(uint32_t number) {
  edge_row_sum_t p = {weights, bias, multipliers, shifts, some_table(), 0, 1, 0, 0, 0, 0};
  p.taps = (uint16_t)(below(2) ? between(1, 6) : between(1, MOST_TAPS));
  p.channels = (uint16_t)between(1, MOST_CHANNELS);
  fill(memory, sizeof memory);
  const int8_t *rows[MOST_TAPS];
  for (uint32_t k = 0; k < p.taps; k++) {
    rows[k] = memory + below(sizeof memory - MOST_CHANNELS);
  }
  fill(weights, (uint32_t)p.taps * p.channels);
  fill_scaling(p.channels, p.taps);
  fill_bounds(&p.zero_point, &p.low, &p.high);
  memset(expected, 0x5A, sizeof expected);
  memset(result, 0x5A, sizeof result);
  const uint32_t at = below(8);
  portable_row_sum(&p, rows, expected + at);
  edge_row_sum(&p, rows, result + at);
  compare("row_sum", number, expected, result, sizeof expected);
}

/* Frames pushed one by one are the last of a longer stream. */
static void push(uint32_t number) {
  const uint32_t size = between(1, 40);
  const uint32_t frames = between(1, 9);
  const edge_push_t p = {.kept = (frames - 1) * size, .pushed = size};
  fill(memory, 30 * size);
  memset(expected, 0x5A, sizeof expected);
  memset(result, 0x5A, sizeof result);
  const uint32_t at = below(8);
  for (uint32_t i = 0; i < 30; i++) {
    edge_push(&p, memory + i * size, result + at);
  }
  memcpy(expected + at, memory + (30 - frames) * size, frames * size);
  compare("push", number, expected, result, sizeof expected);
}

/* The sums that are kept are those of the frames there are, after many of them. */
static void sliding_mean(uint32_t number) {
  edge_sliding_mean_t p = {weights, bias, multipliers, shifts, some_table(), 0, 0, 0, 0, 0};
  p.frames = (uint16_t)between(1, MOST_FRAMES);
  p.channels = (uint16_t)between(1, 40);
  fill(weights, p.channels);
  fill_scaling(p.channels, p.frames);
  fill_bounds(&p.zero_point, &p.low, &p.high);
  static int8_t ring[MOST_FRAMES * 40], past[MOST_FRAMES * 40], taps[MOST_FRAMES * 40];
  static int32_t counts[41], folded[40];
  const int8_t zero = (int8_t)((int32_t)below(256) - 128);
  memset(ring, zero, sizeof ring);
  memset(past, zero, sizeof past);
  memset(counts, 0, sizeof counts);
  const edge_row_sum_t anew = {.weights = taps,
                               .bias = folded,
                               .multiplier = multipliers,
                               .shift = shifts,
                               .table = p.table,
                               .taps = p.frames,
                               .width = 1,
                               .channels = p.channels,
                               .zero_point = p.zero_point,
                               .low = p.low,
                               .high = p.high};
  const int8_t *rows[MOST_FRAMES];
  for (uint32_t k = 0; k < p.frames; k++) {
    memcpy(taps + k * p.channels, weights, p.channels);
    rows[k] = past + k * p.channels;
  }
  for (uint32_t c = 0; c < p.channels; c++) {
    folded[c] = bias[c] - zero * p.frames * weights[c];
  }
  const uint32_t kept = (p.frames - 1u) * p.channels;
  for (uint32_t i = 0; i < 100; i++) {
    fill(memory, p.channels);
    memmove(past, past + p.channels, kept);
    memcpy(past + kept, memory, p.channels);
    memset(expected, 0x5A, sizeof expected);
    memset(result, 0x5A, sizeof result);
    portable_row_sum(&anew, rows, expected);
    edge_sliding_mean(&p, memory, result, ring, counts);
    compare("sliding_mean", number, expected, result, sizeof expected);
  }
}

int main(void) {
  board_init();
  for (uint32_t i = 0; i < CASES; i++) {
    pointwise(i);
    row_sum(i);
    if (i % 8 == 0) {
      push(i);
      sliding_mean(i);
    }
  }
  board_print(failures ? "failed\n" : "passed\n");
  return failures != 0;
}
