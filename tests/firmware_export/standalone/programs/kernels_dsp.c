/* SPDX-License-Identifier: Apache-2.0 */
/* Compares a core's kernels with the portable ones on random parameters.
 *
 * The portable ones are linked under names of their own, see kernels_dsp_test.py. Both get the same
 * content of memory; all of it must be the same afterwards, also outside of what they may write. */
#include <string.h>

#include "board.h"
#include "edge_kernels.h"

void portable_pointwise(const edge_pointwise_t *p, const int8_t *in, int8_t *out, void *scratch);
void portable_convolution(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                          void *scratch);
void portable_depthwise(const edge_convolution_t *p, const int8_t *in, int8_t *out, void *scratch);
void portable_depthwise_dense(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                              void *scratch);
void portable_dense(const edge_dense_t *p, const int8_t *in, int8_t *out);
void portable_row_sum(const edge_row_sum_t *p, const int8_t *const *rows, int8_t *out);
void portable_add(const edge_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);

#define CASES 100
#define MEMORY 40000
#define MOST_CHANNELS 120 /* of outputs: 20, twice for three groups */
#define MOST_TAPS 40

static uint32_t state = 1;
static const char *doing;
static uint32_t failures;

static int8_t weights[24000], paired[24000], table[256], shifts[MOST_CHANNELS];
static int32_t bias[MOST_CHANNELS], multipliers[MOST_CHANNELS];
static int8_t memory[MEMORY], expected[MEMORY], result[MEMORY];
static uint64_t scratch[4000];

static uint32_t below(uint32_t end) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % end;
}

static uint32_t between(uint32_t least, uint32_t most) { return least + below(most - least + 1); }

static uint32_t one_in(uint32_t n) { return below(n) == 0; }

/* A byte, often at an end. */
static int8_t byte(void) {
  const uint32_t kind = below(8);
  return (int8_t)(kind == 0 ? -128 : kind == 1 ? 127 : (int32_t)below(256) - 128);
}

static void fill(int8_t *to, uint32_t size) {
  const uint32_t kind = below(5);
  const int8_t same = byte();
  for (uint32_t i = 0; i < size; i++) {
    to[i] = kind == 0 ? same : kind == 1 ? (int8_t)(below(2) ? 127 : -128) : byte();
  }
}

/* Sums are of `depth` products. */
static void fill_scaling(uint32_t channels, uint32_t depth) {
  uint32_t size = 14;
  while (depth >> (size - 14) > 0) {
    size++;
  }
  for (uint32_t c = 0; c < channels; c++) {
    const uint32_t bits = one_in(8) ? 29 : between(1, size + 1);
    const int32_t range = (int32_t)1 << bits;
    bias[c] = (int32_t)below((uint32_t)range) - range / 2;
    multipliers[c] = (int32_t)(one_in(16) ? below(1u << 30) : (1u << 30) + below(1u << 30));
    if (one_in(16)) {
      multipliers[c] = one_in(2) ? 0 : INT32_MAX;
    }
    shifts[c] = (int8_t)(one_in(4) ? between(1, 22) : between(size - 10, size - 4));
  }
}

static void fill_bounds(int8_t *zero_point, int8_t *low, int8_t *high) {
  *zero_point = byte();
  *low = one_in(4) ? (int8_t)((int32_t)below(256) - 128) : -128;
  *high = one_in(4) ? (int8_t)((int32_t)*low + (int32_t)below((uint32_t)(128 - *low))) : 127;
}

/* In half of the cases what `is_positive` of edge_pointwise_t promises. Returns whether it holds.
 * Call it after weights and scaling are filled; the weights of a channel are next to each other, or
 * those of a tap (`by_taps`). */
static uint8_t make_positive(uint32_t channels, uint32_t depth, int by_taps, int8_t *zero_point) {
  if (one_in(2)) {
    return 0;
  }
  *zero_point = -128;
  const uint32_t largest = one_in(2) ? 14 : 8;
  for (uint32_t c = 0; c < channels; c++) {
    uint32_t most = (uint32_t)(bias[c] < 0 ? -bias[c] : bias[c]);
    for (uint32_t i = 0; i < depth; i++) {
      const int32_t w = weights[by_taps ? i * channels + c : c * depth + i];
      most += 128 * (uint32_t)(w < 0 ? -w : w);
    }
    uint32_t least = 1;
    while (most >> (15 + least) > 0) {
      least++;
    }
    if (least > 14) {
      return 0;
    }
    shifts[c] = (int8_t)between(least, least < largest ? largest : least);
  }
  return 1;
}

#if !defined(__ARM_FEATURE_MVE)
/* Stores weights by pairs of channels, as group 3 of edge_pointwise_t has them. Call it last before
 * the kernels; it may change weights and biases. Returns whether sums are small enough. */
static int make_pairs(uint32_t channels, uint32_t depth) {
  for (uint32_t c = 0; c < channels; c++) {
    uint32_t most = (uint32_t)(bias[c] < 0 ? -bias[c] : bias[c]);
    for (uint32_t i = 0; i < depth; i++) {
      int8_t *w = weights + c * depth + i;
      *w = *w == -128 ? -127 : *w;
      most += 128 * (uint32_t)(*w < 0 ? -*w : *w);
    }
    if (most >> 23 > 0) {
      return 0;
    }
  }
  int8_t *to = paired;
  for (uint32_t c = 0; c < channels; c += 2) {
    for (uint32_t i = 0; i < depth; i++) {
      static const uint8_t order[] = {0, 2, 1, 3};
      const int8_t *w = weights + c * depth + i / 4 * 4 + order[i % 4];
      const int16_t number = (int16_t)(w[0] + 256 * w[depth]);
      memcpy(to, &number, sizeof number);
      to += sizeof number;
    }
  }
  return 1;
}
#else
static int make_pairs(uint32_t channels, uint32_t depth) {
  (void)channels;
  (void)depth;
  (void)paired;
  return 0;
}
#endif

static const int8_t *some_table(void) {
  fill(table, sizeof table);
  return one_in(3) ? table : NULL;
}

static void begin(const char *what) {
  doing = what;
  fill(memory, sizeof memory);
  memcpy(expected, memory, sizeof memory);
  memcpy(result, memory, sizeof memory);
}

static void compare(uint32_t number) {
  if (memcmp(expected, result, sizeof result) != 0 && failures++ < 10) {
    board_print(doing);
    board_print(" differs in case ");
    board_print_unsigned(number);
    board_print("\n");
  }
}

/* Bytes of scratch as edge_kernels.h has them. */
#if defined(__ARM_FEATURE_MVE)
static uint32_t pointwise_scratch(uint32_t depth, uint32_t group) {
  (void)group;
  return 4 * depth;
}
static uint32_t gathered(const edge_convolution_t *p, uint32_t depth) {
  (void)p;
  (void)depth;
  return 16;
}
#else
static uint32_t pointwise_scratch(uint32_t depth, uint32_t group) {
  return 2 * group * ((depth + 3) / 4 * 4);
}
static uint32_t gathered(const edge_convolution_t *p, uint32_t depth) {
  if (p->in_channels > 1 || p->dilation_x > 1 || p->kernel_width < 2 || p->kernel_width % 4 == 0) {
    return 3 * depth;
  }
  return 2 * depth + p->kernel_height * (5u * p->stride_x + p->kernel_width);
}
#endif

static void paint_scratch(void) { memset(scratch, 0x5A, sizeof scratch); }

static void check_scratch(uint32_t number, uint32_t size) {
  const uint8_t *bytes = (const uint8_t *)scratch;
  for (uint32_t i = size; i < sizeof scratch; i++) {
    if (bytes[i] != 0x5A) {
      result[0] = (int8_t)(expected[0] + 1);
    }
  }
  compare(number);
}

static void pointwise(uint32_t number) {
  edge_pointwise_t p = {.weights = weights,
                        .bias = bias,
                        .multiplier = multipliers,
                        .shift = shifts,
                        .table = some_table(),
                        .rows = 1,
                        .group = (uint8_t)(one_in(3) ? 4 : 6)};
  p.in_channels = (uint16_t)(one_in(8) ? between(1, 150) : between(1, 40));
  p.out_channels = (uint16_t)between(1, one_in(4) ? MOST_CHANNELS : 24);
  const uint32_t pairs = one_in(2);
  if (pairs) {
    p.in_channels = (uint16_t)((p.in_channels + 3) / 4 * 4);
    p.out_channels = (uint16_t)((p.out_channels + 1) / 2 * 2);
  }
  p.width = (uint16_t)(one_in(4) ? 1 : between(1, 45));
  p.in_row = (uint32_t)p.width * p.in_channels;
  p.out_row = (uint32_t)p.width * p.out_channels;
  const uint32_t kind = below(3);
  if (kind == 0) {
    p.rows = (uint16_t)between(1, 3);
    p.in_row += below(9);
    p.out_row += below(9);
  }
  fill(weights, (uint32_t)p.in_channels * p.out_channels);
  fill_scaling(p.out_channels, p.in_channels);
  fill_bounds(&p.zero_point, &p.low, &p.high);
  p.is_positive = make_positive(p.out_channels, p.in_channels, 0, &p.zero_point);
  edge_pointwise_t own = p;
  if (pairs && make_pairs(p.out_channels, p.in_channels)) {
    own.weights = paired;
    own.group = 3;
  }
  begin("pointwise");
  /* Apart; in place; or the output follows the reading of the input. */
  const uint32_t in = 8000;
  portable_pointwise(&p, expected + in, expected + 25000, scratch);
  paint_scratch();
  if (kind == 0 || (kind == 1 && p.out_channels > p.in_channels)) {
    edge_pointwise(&own, result + in, result + 25000, scratch);
  } else {
    uint32_t before = 0;
    if (kind == 2) {
      const uint32_t grows =
          p.out_channels > p.in_channels ? (uint32_t)(p.out_channels - p.in_channels) : 0;
      before = p.width * grows + below(40);
    }
    /* The input is not there any more; its place is not compared. */
    edge_pointwise(&own, result + in, result + in - before, scratch);
    memmove(result + 25000, result + in - before, p.out_row);
    memcpy(result, expected, 25000);
  }
  check_scratch(number, pointwise_scratch(p.in_channels, own.group));
}

static uint32_t extent(uint32_t taps, uint32_t dilation) { return (taps - 1) * dilation + 1; }

/* The input's size, from that of the output, and padding. */
static void fill_axis(uint32_t kernel, uint32_t dilation, uint32_t stride, uint32_t out,
                      uint16_t *in, uint16_t *pad) {
  const uint32_t covered = (out - 1) * stride + extent(kernel, dilation);
  *pad = (uint16_t)(one_in(2) ? 0 : below(extent(kernel, dilation)));
  const uint32_t after = one_in(2) ? 0 : below(extent(kernel, dilation));
  *in = (uint16_t)(covered > *pad + after ? covered - *pad - after : 1);
}

static edge_convolution_t windows(uint32_t most_taps) {
  edge_convolution_t p = {.weights = weights,
                          .bias = bias,
                          .multiplier = multipliers,
                          .shift = shifts,
                          .table = some_table(),
                          .groups = 1,
                          .group = 6};
  p.batches = (uint16_t)(one_in(4) ? 2 : 1);
  do {
    p.kernel_height = (uint8_t)(one_in(3) ? 1 : between(1, 6));
    p.kernel_width = (uint8_t)(one_in(3) ? 1 : between(1, one_in(8) ? 40 : 10));
  } while ((uint32_t)p.kernel_height * p.kernel_width > most_taps);
  p.stride_y = (uint8_t)between(1, 2);
  p.stride_x = (uint8_t)(one_in(3) ? between(1, 3) : 1);
  p.dilation_y = (uint16_t)(one_in(4) ? between(1, 3) : 1);
  p.dilation_x = (uint16_t)(one_in(4) ? between(1, 8) : 1);
  p.out_height = (uint16_t)between(1, 3);
  p.out_width = (uint16_t)between(1, 23);
  fill_axis(p.kernel_height, p.dilation_y, p.stride_y, p.out_height, &p.in_height, &p.pad_top);
  fill_axis(p.kernel_width, p.dilation_x, p.stride_x, p.out_width, &p.in_width, &p.pad_left);
  fill_bounds(&p.zero_point, &p.low, &p.high);
  p.in_zero_point = byte();
  return p;
}

static void set_rows(edge_convolution_t *p) {
  p->in_row = (uint32_t)p->in_width * p->in_channels + (one_in(3) ? below(9) : 0);
  p->out_row = (uint32_t)p->out_width * p->out_channels + (one_in(3) ? below(9) : 0);
}

static uint32_t fits(const edge_convolution_t *p) {
  return p->in_row * p->in_height * p->batches <= 24000 &&
         p->out_row * p->out_height * p->batches <= 14000;
}

static void convolution(uint32_t number) {
  edge_convolution_t p;
  uint32_t depth;
  do {
    p = windows(60);
    p.in_channels = (uint16_t)(one_in(2) ? 1 : between(1, 7));
    p.out_channels = (uint16_t)between(1, 20);
    if (one_in(6)) {
      p.groups = (uint16_t)between(2, 3);
      p.in_channels = (uint16_t)(p.in_channels * p.groups);
      p.out_channels = (uint16_t)(p.out_channels * p.groups);
    }
    if (one_in(2)) {
      p.in_channels = (uint16_t)(p.in_channels * 4);
      p.out_channels = (uint16_t)(p.out_channels * 2);
    }
    set_rows(&p);
    depth = (uint32_t)p.kernel_height * p.kernel_width * p.in_channels / p.groups;
  } while (!fits(&p) || depth * p.out_channels > sizeof weights);
  fill(weights, depth * p.out_channels);
  fill_scaling(p.out_channels, depth);
  p.is_positive = make_positive(p.out_channels, depth, 0, &p.zero_point);
  edge_convolution_t own = p;
  const int words = (uint32_t)p.kernel_width * p.in_channels % 4 == 0;
  if (words && p.groups == 1 && p.out_channels % 2 == 0 && one_in(2) &&
      make_pairs(p.out_channels, depth)) {
    own.weights = paired;
    own.group = 3;
  }
  begin("convolution");
  portable_convolution(&p, expected, expected + 25000, scratch);
  paint_scratch();
  edge_convolution(&own, result, result + 25000, scratch);
  check_scratch(number, pointwise_scratch(depth, own.group) + gathered(&p, depth));
}

#if !defined(__ARM_FEATURE_MVE)
/* The weights, which are in the portable order, in that for DSP. */
static const int8_t *dense_weights(const edge_dense_t *p) {
  const uint32_t depth = p->in_channels, rows = p->out_channels / 4 * 4u;
  const uint32_t runs = depth / 16, fours = depth / 4;
  memcpy(paired, weights, sizeof paired);
  for (uint32_t o = 0; o < rows; o++) {
    const int8_t *from = weights + o / 4 * 4 * depth;
    int8_t *to = paired + o / 4 * 4 * depth;
    const uint32_t row = o % 4;
    for (uint32_t i = 0; i < depth; i++) {
      const uint32_t portable =
          i < runs * 16 ? i / 16 * 64 + row * 16 + i % 16 : runs * 64 + row * (depth % 16) + i % 16;
      const uint32_t dsp =
          i < fours * 4 ? i / 4 * 16 + row * 4 + i % 4 : fours * 16 + i % 4 * 4 + row;
      to[dsp] = from[portable];
    }
  }
  return paired;
}
#else
static const int8_t *dense_weights(const edge_dense_t *p) { return p->weights; }
#endif

static void dense(uint32_t number) {
  edge_dense_t p = {.weights = weights,
                    .bias = bias,
                    .multiplier = multipliers,
                    .shift = shifts,
                    .table = some_table()};
  p.in_channels = (uint16_t)between(1, one_in(2) ? 150 : 20);
  p.out_channels = (uint16_t)between(1, one_in(2) ? 80 : 9);
  fill(weights, (uint32_t)p.in_channels * p.out_channels);
  fill_scaling(p.out_channels, p.in_channels);
  fill_bounds(&p.zero_point, &p.low, &p.high);
  begin("dense");
  const uint32_t in = below(8);
  portable_dense(&p, expected + in, expected + 25000);
  p.weights = dense_weights(&p);
  edge_dense(&p, result + in, result + 25000);
  compare(number);
}

static void depthwise_dense(uint32_t number) {
  edge_convolution_t p;
  do {
    p = windows(33);
    p.dilation_y = 1;
    p.dilation_x = 1;
    p.out_height = (uint16_t)between(1, 7);
    if (one_in(3)) {
      p.batches = 1;
      p.out_width = 1;
    }
    fill_axis(p.kernel_height, 1, p.stride_y, p.out_height, &p.in_height, &p.pad_top);
    fill_axis(p.kernel_width, 1, p.stride_x, p.out_width, &p.in_width, &p.pad_left);
    p.in_channels = (uint16_t)between(1, one_in(3) ? 40 : 18);
    p.out_channels = p.in_channels;
    p.groups = p.in_channels;
    set_rows(&p);
  } while (!fits(&p));
  const uint32_t taps = (uint32_t)p.kernel_height * p.kernel_width;
  const uint32_t columns = (p.out_width - 1u) * p.stride_x + p.kernel_width;
  const int may_overwrite = p.batches == 1 && p.out_width <= p.in_width &&
                            p.in_row == (uint32_t)p.in_width * p.in_channels &&
                            p.out_row == (uint32_t)p.out_width * p.out_channels;
  fill(weights, taps * p.out_channels);
  fill_scaling(p.out_channels, taps);
  p.is_positive = make_positive(p.out_channels, taps, 1, &p.zero_point);
  begin("depthwise_dense");
  if (may_overwrite && one_in(2)) {
    portable_depthwise_dense(&p, expected, expected, scratch);
    paint_scratch();
    edge_depthwise_dense(&p, result, result, scratch);
    /* So does the kernel for any windows, which writes elsewhere. */
    portable_depthwise(&p, memory, memory + 25000, (int8_t *)scratch + 20000);
    memcpy(memory, memory + 25000, p.out_row * p.out_height);
    memcpy(memory + 25000, result + 25000, MEMORY - 25000);
    memcpy(expected, memory, MEMORY);
  } else {
    portable_depthwise_dense(&p, expected, expected + 25000, scratch);
    paint_scratch();
    edge_depthwise_dense(&p, result, result + 25000, scratch);
  }
  memset((int8_t *)scratch + 20000, 0x5A, sizeof scratch - 20000);
  check_scratch(number, 8 * p.kernel_height * (columns + taps));
}

static void depthwise(uint32_t number) {
  edge_convolution_t p;
  do {
    p = windows(number % 16 == 0 ? 200 : MOST_TAPS);
    p.in_channels = (uint16_t)between(1, 26);
    p.out_channels = p.in_channels;
    p.groups = p.in_channels;
    set_rows(&p);
  } while (!fits(&p));
  const uint32_t taps = (uint32_t)p.kernel_height * p.kernel_width;
  fill(weights, taps * p.out_channels);
  fill_scaling(p.out_channels, taps);
  begin("depthwise");
  portable_depthwise(&p, expected, expected + 25000, scratch);
  paint_scratch();
  edge_depthwise(&p, result, result + 25000, scratch);
  check_scratch(number, 8 * taps + p.in_channels);
}

static void row_sum(uint32_t number) {
  edge_row_sum_t p = {weights, bias, multipliers, shifts, some_table(), 0, 0, 0, 0, 0, 0};
  p.taps = (uint16_t)(one_in(4) ? between(1, MOST_TAPS) : between(1, 7));
  p.channels = (uint16_t)between(1, 26);
  p.width = (uint16_t)(one_in(4) ? 1 : between(1, 60));
  const int8_t *rows[MOST_TAPS];
  const int8_t *others[MOST_TAPS];
  for (uint32_t k = 0; k < p.taps; k++) {
    const uint32_t at = below(23000);
    rows[k] = expected + at;
    others[k] = result + at;
  }
  fill(weights, (uint32_t)p.taps * p.channels);
  fill_scaling(p.channels, p.taps);
  fill_bounds(&p.zero_point, &p.low, &p.high);
  if (one_in(2)) {
    p.zero_point = -128;
  }
  begin("row_sum");
  portable_row_sum(&p, rows, expected + 25000);
  edge_row_sum(&p, others, result + 25000);
  compare(number);
}

static void add(uint32_t number) {
  edge_add_t p = {0};
  p.size = between(1, 70);
  p.b_multiplier = (int32_t)((1u << 30) + below(1u << 30));
  p.b_shift = (int8_t)between(1, one_in(4) ? 22 : 5);
  p.multiplier = (int32_t)((1u << 30) + below(1u << 30));
  p.shift = (int8_t)(one_in(4) ? between(1, 31) : between(17, 21));
  p.a_sign = one_in(4) ? -1 : 1;
  p.b_sign = one_in(4) ? -1 : 1;
  p.a_zero_point = byte();
  p.b_zero_point = byte();
  fill_bounds(&p.zero_point, &p.low, &p.high);
  begin("add");
  const uint32_t a = 16 + below(4);
  const uint32_t b = 200 + below(4);
  const uint32_t out = one_in(3) ? a : one_in(2) ? b : 400 + below(4);
  portable_add(&p, expected + a, expected + b, expected + out);
  edge_add(&p, result + a, result + b, result + out);
  compare(number);
}

int main(void) {
  board_init();
  for (uint32_t i = 0; i < CASES; i++) {
    pointwise(i);
    convolution(i);
    depthwise(i);
    depthwise_dense(i);
    dense(i);
    row_sum(i);
    add(i);
  }
  board_print(failures ? "failed\n" : "passed\n");
  return failures != 0;
}
