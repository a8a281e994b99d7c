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
#define UPPER_BYTES UINT32_C(0xFF00FF00)
#define WORDS 2 /* per value of four channels: pairs (0, 2) and (1, 3) */

/* The sums and outputs of one row; the order is known to the assembly. */
typedef struct {
  const uint32_t *weights; /* shifted left, like the bias */
  int32_t bias[LANES];
  const uint32_t *x;
  uint32_t taps;      /* 1 to 33 */
  const void *scales; /* edge_scale_t, or positive_t; [LANES] */
  int8_t *out;
  int8_t *end;       /* where the first outputs after the row would be */
  uint32_t out_step; /* bytes from one pixel to the next */
  uint32_t x_step;   /* bytes from the end of a window to the next window */
} row_t;

/* How sums become outputs. */
enum { POSITIVE = -1, ANY = 1 };

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
/* `out` is the place of the outputs; below its end for POSITIVE, which sets the flag N. */
#define NEXT_PIXEL(out, comparison)          \
  "ldrd r6, r7, [sp, #36]\n\t"               \
  "ldr r8, [sp, #44]\n\t"                    \
  "add " out ", " out                        \
  ", r7\n\t"                                 \
  "add r0, r0, r8\n\t" comparison "str " out \
  ", [sp, #32]\n\t"                          \
  "bne.w 1b\n\t"                             \
  "add sp, sp, #48\n\t"                      \
  "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n\t"

/* All registers are in use: r2 to r5 are the sums. The taps are written out; a jump to where as
 * many are left as there are replaces the loop: five instructions per tap. On the stack: the
 * struct, with where to begin and where to go after an odd tap in the places of x and taps. The
 * flag N is `kind`. */
static __attribute__((naked, noinline)) void sum_row(const row_t *row __attribute__((unused)),
                                                     int32_t kind __attribute__((unused))) {
  __asm__ volatile(
      "push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n\t"
      "ldr r2, [r0, #24]\n\t"
      "adr.w r4, 3f\n\t"
      "mov r5, #40\n\t" /* bytes of two taps */
      "lsr r3, r2, #1\n\t"
      "mls r12, r3, r5, r4\n\t"
      "orr r12, r12, #1\n\t"
      "adr.w lr, 2f\n\t"
      "orr lr, lr, #1\n\t"
      "tst r2, #1\n\t"
      "it eq\n\t"
      "moveq lr, r12\n\t"
      "cmp r1, #0\n\t"
      "ldmia r0, {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
      "mov r6, r12\n\t"
      "mov r12, r5\n\t"
      "mov r5, lr\n\t"
      "push {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
      "mov r0, r12\n\t"
      ".balign 4\n"
      "1:\n\t"
      "ldmia sp, {r1, r2, r3, r4, r5, r12, lr}\n\t"
      "bx r12\n\t"
      ".balign 4\n"
      "2:\n\t"
      "ldmia.w r0!, {r6, r7}\n\t"
      "ldmia.w r1!, {r8, r9}\n\t"
      "smlabb r2, r6, r8, r2\n\t"
      "smlabb r3, r7, r9, r3\n\t"
      "smlatt r4, r6, r8, r4\n\t"
      "smlatt r5, r7, r9, r5\n\t"
      "bx lr\n\t"
      ".balign 4\n\t" EIGHT_TAPS EIGHT_TAPS EIGHT_TAPS EIGHT_TAPS
      "3:\n\t"
      "bpl.w 4f\n\t"
      "ldrd r11, lr, [sp, #28]\n\t"
      "ldmia r11, {r1, r6, r7, r8, r9, r10, r11, r12}\n\t" POSITIVE_OUTPUT("r2", "r1", "r6", "0")
          POSITIVE_OUTPUT("r3", "r7", "r8", "1") POSITIVE_OUTPUT("r4", "r9", "r10", "2")
              POSITIVE_OUTPUT("r5", "r11", "r12", "3") NEXT_PIXEL("lr", "cmp lr, r6\n\t")
      ".balign 4\n"
      "4:\n\t"
      "ldrd r11, r12, [sp, #28]\n\t" TWO_OUTPUTS("r2", "0", "r3", "1")
          TWO_OUTPUTS("r4", "2", "r5", "3") NEXT_PIXEL("r12", "cmp r6, r12\n\t"));
}

/* How far inputs are shifted left if outputs are positive: then weights fit 16 bits. Else below 0.
 */
static int32_t input_shift(const edge_convolution_t *p, const int32_t *shifts) {
  int32_t least = shifts[0];
  int32_t most = shifts[0];
  for (uint32_t i = 1; i < LANES; i++) {
    least = shifts[i] < least ? shifts[i] : least;
    most = shifts[i] > most ? shifts[i] : most;
  }
  if (!p->is_positive || (least < 8 && most > 8)) {
    return -1;
  }
  return most <= 8 ? 8 : 0;
}

/* weights[rotation][x][slot], shifted left. */
static void rotate(const edge_convolution_t *p, uint32_t channel, uint32_t lanes,
                   uint32_t rotations, const uint32_t *left, uint32_t *to) {
  const uint32_t height = p->kernel_height;
  const uint32_t row = (uint32_t)p->kernel_width * p->out_channels;
  const uint32_t size = WORDS * height * p->kernel_width;
  const uint32_t second = lanes > 1 ? 1 : 0;
  const uint32_t third = lanes > 2 ? 2 : 0;
  const uint32_t fourth = lanes > 3 ? 3 : 0;
  const int8_t *column = p->weights + channel;
  for (uint32_t kx = p->kernel_width; kx > 0; kx--, column += p->out_channels) {
    const int8_t *from = column;
    for (uint32_t ky = height; ky > 0; ky--, from += row, to += WORDS) {
      to[0] = edge_pair(from[0] * (1 << left[0]), from[third] * (1 << left[2]));
      to[1] = edge_pair(from[second] * (1 << left[1]), from[fourth] * (1 << left[3]));
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

/* Fills columns of the ring with padding. */
static void pad(const edge_convolution_t *p, uint32_t left, uint32_t first, uint32_t end,
                uint32_t *ring) {
  const uint32_t step = WORDS * p->kernel_height;
  const uint32_t value = padding(p, left);
  for (uint32_t i = first * step; i < end * step; i++) {
    ring[i] = value;
  }
}

/* A word of the input as it is in the ring; `mask` is that of the upper bytes of pairs. */
static inline void widen(uint32_t word, int is_shifted, uint32_t mask, uint32_t *to) {
  to[0] = is_shifted ? word << 8 & mask : edge_even_bytes(word);
  to[1] = is_shifted ? word & mask : edge_odd_bytes(word);
}

/* Widens values of `width` columns. */
static inline void load_row(const int8_t *from, uint32_t channels, uint32_t width, int is_shifted,
                            uint32_t step, uint32_t *to) {
  uint32_t mask = UPPER_BYTES;
  __asm__("" : "+r"(mask)); /* In a register, AND shifts its operand for free. */
  for (; width >= 2; width -= 2, from += 2 * channels, to += 2 * step) {
    const uint32_t first = edge_load_word(from);
    const uint32_t second = edge_load_word(from + channels);
    widen(first, is_shifted, mask, to);
    widen(second, is_shifted, mask, to + step);
  }
  if (width > 0) {
    widen(edge_load_word(from), is_shifted, mask, to);
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
      uint32_t word = 0;
      memcpy(&word, from, lanes);
      widen(word, left > 0, UPPER_BYTES, to);
    }
  } else if (left) {
    load_row(from, p->in_channels, width, 1, step, to);
  } else {
    load_row(from, p->in_channels, width, 0, step, to);
  }
}

/* One row of outputs with fewer channels than four; `step` is from window to window, in bytes. */
static void narrow_row(row_t *row, int32_t kind, uint32_t lanes, uint32_t step) {
  int8_t four[LANES];
  int8_t *out = row->out;
  row_t pixel = *row;
  pixel.out = four;
  pixel.end = four + LANES;
  pixel.out_step = LANES;
  for (; out != row->end; out += row->out_step, pixel.x += step / sizeof *pixel.x) {
    sum_row(&pixel, kind);
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
  uint32_t *weights = ring + WORDS * columns * height;
  union {
    edge_scale_t any[LANES];
    positive_t positive[LANES];
  } scales;
  row_t row;
  row.scales = &scales;
  row.out_step = p->out_channels;
  row.x_step = p->stride_x * height * WORDS * sizeof *ring - WORDS * sizeof *ring * taps;
  row.taps = taps;
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
  const int32_t kind = given < 0 ? ANY : POSITIVE;
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
    row.end = out + (uint32_t)p->out_width * p->out_channels;
    if (lanes == LANES) {
      sum_row(&row, kind);
    } else {
      narrow_row(&row, kind, lanes, p->stride_x * height * WORDS * sizeof *ring);
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
