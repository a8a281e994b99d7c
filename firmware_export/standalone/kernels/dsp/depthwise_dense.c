/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* Four channels at a time. The rows under a window are in a ring, padding included and widened to
 * 16 bits: the even and the odd channels of (x, row) are at [x][row mod kernel_height], so that all
 * values of a window are adjacent. The order of its rows rotates from one output row to the next;
 * there are weights for each rotation.
 *
 * Inputs, weights and biases are shifted left, so that sums are, too: by 1 for edge_scaled(). See
 * e. in edge_dsp.h: if `is_positive`, by 16 - shift, which needs 3 instructions per output, not 5.
 */

#define LANES 4
#define WORDS 2 /* per value of four channels: pairs (0, 2) and (1, 3) */

/* The sums and outputs of one row; the order is known to the assembly. */
typedef struct {
  const uint32_t *weights; /* shifted left, like the bias */
  int32_t bias[LANES];
  const uint32_t *x;
  const void *scales; /* edge_scale_t, or positive_t; [LANES] */
  int8_t *out;
  int32_t left;      /* pixels; below 0, their number with positive_t */
  uint32_t out_step; /* bytes from one pixel to the next */
  uint32_t x_step;   /* bytes from the end of a window to the next window */
  uint32_t taps;     /* 1 to 33 */
} row_t;

/* For sums that are shifted left by 16 - shift. */
typedef struct {
  int32_t multiplier, rounding;
} positive_t;

#define TWO_TAPS                         \
  "ldmia.w r0!, {r6, r7, r8, r9}\n\t"    \
  "ldmia.w r1!, {r10, r11, r12, lr}\n\t" \
  "smlabb r2, r6, r10, r2\n\t"           \
  "smlabb r3, r7, r11, r3\n\t"           \
  "smlatt r4, r6, r10, r4\n\t"           \
  "smlatt r5, r7, r11, r5\n\t"           \
  "smlabb r2, r8, r12, r2\n\t"           \
  "smlabb r3, r9, lr, r3\n\t"            \
  "smlatt r4, r8, r12, r4\n\t"           \
  "smlatt r5, r9, lr, r5\n\t"
#define EIGHT_TAPS TWO_TAPS TWO_TAPS TWO_TAPS TWO_TAPS
#define POSITIVE_OUTPUT(sum, multiplier, rounding, at) \
  "smmla " sum ", " sum ", " multiplier ", " rounding  \
  "\n\t"                                               \
  "ssat " sum ", #8, " sum                             \
  ", asr #15\n\t"                                      \
  "strb " sum ", [lr, #" at "]\n\t"
#define OUTPUT(sum, multiplier, rounding, shift, at) \
  "smmlar lr, " sum ", " multiplier ", " rounding    \
  "\n\t"                                             \
  "add lr, lr, " sum                                 \
  ", asr #31\n\t"                                    \
  "asr lr, lr, " shift                               \
  "\n\t"                                             \
  "ssat lr, #8, lr\n\t"                              \
  "strb lr, [r12, #" at "]\n\t"
#define TWO_OUTPUTS(first, first_at, second, second_at)                                 \
  "ldmia r11!, {r1, r6, r7, r8, r9, r10}\n\t" OUTPUT(first, "r1", "r6", "r7", first_at) \
      OUTPUT(second, "r8", "r9", "r10", second_at)
/* `out` is the place of the outputs; the flags are those of what is left. */
#define NEXT_PIXEL(out, one)           \
  "ldrd r6, r7, [sp, #32]\n\t"         \
  "ldr r8, [sp, #40]\n\t"              \
  "add " out ", " out                  \
  ", r7\n\t"                           \
  "add r0, r0, r8\n\t" one "strd " out \
  ", r6, [sp, #28]\n\t"                \
  "bne.w 1b\n\t"                       \
  "add sp, sp, #48\n\t"                \
  "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n\t"

/* All registers are in use: r2 to r5 are the sums. The taps are written out; a jump to where as
 * many are left as there are replaces the loop: five instructions per tap. On the stack: the
 * struct, with where to begin and where to go after an odd tap in the places of x and taps. The
 * sign of what is left says how sums become outputs. */
static __attribute__((naked, noinline)) void sum_row(const row_t *row __attribute__((unused))) {
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
      "ldmia r0, {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
      "lsr lr, r11, #1\n\t"
      "adr.w r12, 3f\n\t"
      "tst r11, #1\n\t"
      "mov r11, #40\n\t" /* bytes of two taps */
      "mls r11, lr, r11, r12\n\t"
      "orr r11, r11, #1\n\t"
      "adr.w r12, 2f\n\t"
      "orr r12, r12, #1\n\t"
      "it eq\n\t"
      "moveq r12, r11\n\t"
      "mov lr, r5\n\t"
      "mov r5, r12\n\t"
      "push {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
      "mov r0, lr\n\t"
      "cmp r8, #0\n"
      "1:\n\t"
      "ldmia sp, {r1, r2, r3, r4, r5, r12}\n\t"
      "bx r12\n\t"
      ".balign 4\n"
      "2:\n\t"
      "ldmia r0!, {r6, r7}\n\t"
      "ldmia r1!, {r8, r9}\n\t"
      "smlabb r2, r6, r8, r2\n\t"
      "smlabb r3, r7, r9, r3\n\t"
      "smlatt r4, r6, r8, r4\n\t"
      "smlatt r5, r7, r9, r5\n\t"
      "ldr pc, [sp, #44]\n\t"
      ".balign 4\n\t" EIGHT_TAPS EIGHT_TAPS EIGHT_TAPS EIGHT_TAPS
      "3:\n\t"
      "bpl.w 4f\n\t"
      "ldrd r11, lr, [sp, #24]\n\t"
      "ldmia r11, {r1, r6, r7, r8, r9, r10, r11, r12}\n\t" POSITIVE_OUTPUT("r2", "r1", "r6", "0")
          POSITIVE_OUTPUT("r3", "r7", "r8", "1") POSITIVE_OUTPUT("r4", "r9", "r10", "2")
              POSITIVE_OUTPUT("r5", "r11", "r12", "3") NEXT_PIXEL("lr", "adds r6, r6, #1\n\t")
      ".balign 4\n"
      "4:\n\t"
      "ldrd r11, r12, [sp, #24]\n\t" TWO_OUTPUTS("r2", "0", "r3", "1")
          TWO_OUTPUTS("r4", "2", "r5", "3") NEXT_PIXEL("r12", "subs r6, r6, #1\n\t"));
}

/* Four channels, or the last ones. */
static inline uint32_t read_lanes(const int8_t *from, uint32_t lanes) {
  uint32_t word = 0;
  if (lanes == LANES) {
    memcpy(&word, from, LANES);
  } else {
    memcpy(&word, from, lanes);
  }
  return word;
}

/* The products of both numbers of a pair with powers of two, if these fit. */
static inline uint32_t shift_pair(uint32_t pair, uint32_t low, uint32_t high) {
  const uint32_t upper = (pair >> 16 << 16) << high;
  return (pair << low & 0xFFFF) | upper;
}

/* How far inputs are shifted left if outputs are positive: then weights fit 16 bits. Else below 0.
 */
static int32_t input_shift(const edge_convolution_t *p, const int32_t *shifts) {
  int is_small = p->is_positive;
  int is_large = p->is_positive;
  for (uint32_t i = 0; i < LANES; i++) {
    is_small &= shifts[i] <= 8;
    is_large &= shifts[i] >= 8;
  }
  return is_small ? 8 : is_large ? 0 : -1;
}

/* weights[rotation][x][slot], shifted left. */
static void rotate(const edge_convolution_t *p, uint32_t channel, uint32_t lanes,
                   uint32_t rotations, const uint32_t *left, uint32_t *to) {
  const uint32_t height = p->kernel_height;
  const uint32_t row = (uint32_t)p->kernel_width * p->out_channels;
  const uint32_t size = WORDS * height * p->kernel_width;
  const int8_t *column = p->weights + channel;
  for (uint32_t kx = p->kernel_width; kx > 0; kx--, column += p->out_channels) {
    const int8_t *from = column;
    for (uint32_t ky = 0; ky < height; ky++, from += row, to += WORDS) {
      const uint32_t word = read_lanes(from, lanes);
      to[0] = shift_pair(edge_even_bytes(word), left[0], left[2]);
      to[1] = shift_pair(edge_odd_bytes(word), left[1], left[3]);
    }
  }
  /* Each rotation has the rows of the one before one slot further. */
  for (uint32_t *end = to + (rotations - 1) * size; to < end; to += WORDS * height) {
    const uint32_t *from = to - size;
    for (uint32_t i = 0; i < WORDS * (height - 1); i++) {
      to[WORDS + i] = from[i];
    }
    to[0] = from[WORDS * (height - 1)];
    to[1] = from[WORDS * (height - 1) + 1];
  }
}

/* The pair of values in the padding. */
static inline uint32_t padding(const edge_convolution_t *p, uint32_t left) {
  return edge_pair(p->in_zero_point * (1 << left), p->in_zero_point * (1 << left));
}

/* A pair of bytes of a word, 16 bits apart, as it is in the ring. */
static inline uint32_t even_of(uint32_t word, uint32_t left) {
  return left ? word << 8 & 0xFF00FF00 : edge_even_bytes(word);
}

static inline uint32_t odd_of(uint32_t word, uint32_t left) {
  return left ? word & 0xFF00FF00 : edge_odd_bytes(word);
}

/* Fills columns of the ring with padding. */
static void pad(const edge_convolution_t *p, uint32_t left, uint32_t first, uint32_t end,
                uint32_t *ring) {
  const uint32_t step = WORDS * p->kernel_height;
  const uint32_t value = padding(p, left);
  for (uint32_t i = first * step; i < end * step; i++) {
    ring[i] = value;
  }
}

/* Widens values of `width` columns. */
static inline void load_row(const int8_t *from, uint32_t channels, uint32_t width, uint32_t left,
                            uint32_t step, uint32_t *to) {
  for (; width >= 2; width -= 2, to += 2 * step) {
    const uint32_t first = edge_load_word(from);
    const uint32_t second = edge_load_word(from + channels);
    from += 2 * channels;
    to[0] = even_of(first, left);
    to[1] = odd_of(first, left);
    to[step] = even_of(second, left);
    to[step + 1] = odd_of(second, left);
  }
  if (width > 0) {
    const uint32_t word = edge_load_word(from);
    to[0] = even_of(word, left);
    to[1] = odd_of(word, left);
  }
}

/* Puts an image row, or a row of padding, into the ring. */
static void load(const edge_convolution_t *p, const int8_t *in, uint32_t lanes, int32_t y,
                 uint32_t width, uint32_t left, uint32_t *to) {
  const uint32_t step = WORDS * p->kernel_height;
  to += p->pad_left * step;
  if (y < 0 || y >= p->in_height) {
    const uint32_t value = padding(p, left);
    for (; width > 0; width--, to += step) {
      to[0] = value;
      to[1] = value;
    }
    return;
  }
  const int8_t *from = in + (uint32_t)y * p->in_row;
  if (lanes < LANES) {
    for (; width > 0; width--, from += p->in_channels, to += step) {
      const uint32_t word = read_lanes(from, lanes);
      to[0] = even_of(word, left);
      to[1] = odd_of(word, left);
    }
  } else if (left) {
    load_row(from, p->in_channels, width, 8, step, to);
  } else {
    load_row(from, p->in_channels, width, 0, step, to);
  }
}

/* One row of outputs with fewer channels than four; `step` is from window to window, in bytes. */
static void narrow_row(row_t *row, uint32_t pixels, uint32_t lanes, uint32_t step) {
  int8_t *out = row->out;
  for (; pixels > 0; pixels--, out += row->out_step) {
    int8_t four[LANES];
    row->out = four;
    sum_row(row);
    row->x += step / sizeof *row->x;
    memcpy(out, four, lanes);
  }
}

static void four_channels(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                          uint32_t channel, uint32_t columns, uint32_t *ring) {
  const uint32_t height = p->kernel_height;
  const uint32_t taps = height * p->kernel_width;
  const uint32_t rest = p->out_channels - channel;
  const uint32_t lanes = rest < LANES ? rest : LANES;
  const uint32_t room = columns - p->pad_left;
  const uint32_t width = p->in_width < room ? p->in_width : room;
  const uint32_t pixels = lanes == LANES ? p->out_width : 1;
  uint32_t *weights = ring + WORDS * columns * height;
  union {
    edge_scale_t any[LANES];
    positive_t positive[LANES];
  } scales;
  row_t row = {
      .scales = &scales,
      .out_step = p->out_channels,
      .x_step = p->stride_x * height * WORDS * sizeof *ring - WORDS * sizeof *ring * taps,
      .taps = taps,
  };
  int32_t shifts[LANES];
  for (uint32_t i = 0; i < LANES; i++) {
    shifts[i] = p->shift[channel + (i < lanes ? i : 0)];
  }
  const int32_t given = input_shift(p, shifts);
  const uint32_t of_inputs = given > 0 ? 8 : 0;
  uint32_t of_weights[LANES];
  for (uint32_t i = 0; i < LANES; i++) {
    const uint32_t c = channel + (i < lanes ? i : 0);
    uint32_t of_sum = 1;
    if (given < 0) {
      scales.any[i] = edge_scale(p->multiplier[c], shifts[i], p->zero_point);
    } else {
      of_sum = 16u - (uint32_t)shifts[i];
      scales.positive[i].multiplier = p->multiplier[c];
      scales.positive[i].rounding = (0x4000 >> shifts[i]) - 0x3FC000;
    }
    of_weights[i] = of_sum - of_inputs;
    row.bias[i] = edge_wrap((uint32_t)p->bias[c] << of_sum);
  }
  row.left = given < 0 ? (int32_t)pixels : -(int32_t)pixels;
  rotate(p, channel, lanes, p->out_height > 1 ? height : 1, of_weights, weights);
  pad(p, of_inputs, 0, p->pad_left, ring);
  pad(p, of_inputs, p->pad_left + width, columns, ring);
  uint32_t loaded = 0; /* rows, counted from the first one of padding */
  uint32_t slot = 0;
  uint32_t rotation = 0;
  for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
    const uint32_t first = oy * p->stride_y;
    if (loaded < first) {
      loaded = first;
      slot = rotation;
    }
    for (; loaded < first + height; loaded++) {
      load(p, in, lanes, (int32_t)loaded - p->pad_top, width, of_inputs, ring + WORDS * slot);
      slot = slot + 1 < height ? slot + 1 : 0;
    }
    row.x = ring;
    row.weights = weights + rotation * WORDS * taps;
    row.out = out;
    if (lanes == LANES) {
      sum_row(&row);
    } else {
      narrow_row(&row, p->out_width, lanes, p->stride_x * height * WORDS * sizeof *ring);
    }
    for (rotation += p->stride_y; rotation >= height;) {
      rotation -= height;
    }
  }
}

void edge_depthwise_dense(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                          void *scratch) {
  const uint32_t columns = (p->out_width - 1u) * p->stride_x + p->kernel_width;
  for (uint32_t n = 0; n < p->batches; n++) {
    for (uint32_t c = 0; c < p->out_channels; c += LANES) {
      four_channels(p, in + c, out + c, c, columns, scratch);
    }
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      edge_dsp_look_up(p->table, p->low, p->high, out, (uint32_t)p->out_width * p->out_channels);
    }
    in += p->in_height * p->in_row;
  }
}
