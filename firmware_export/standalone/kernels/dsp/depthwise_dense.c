/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_dsp.h"

/* Four channels at a time. The rows under a window are in a ring, padding included and widened to
 * 16 bits: the even and the odd channels of (x, row) are at [x][row mod kernel_height], so that all
 * values of a window are adjacent. The order of its rows rotates from one output row to the next;
 * there are weights for each rotation. */

#define LANES 4
#define WORDS 2 /* per value of four channels: pairs (0, 2) and (1, 3) */

/* The sums and outputs of one row; the order is known to the assembly. */
typedef struct {
  int32_t bias[LANES]; /* doubled */
  const uint32_t *x;
  const uint32_t *weights; /* doubled */
  const edge_scale_t *scales;
  int8_t *out;
  uint32_t pixels;
  uint32_t out_step; /* bytes from one pixel to the next */
  uint32_t x_step;   /* bytes from the end of a window to the next window */
  uint32_t taps;     /* 1 to 33 */
} row_t;

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

/* All registers are in use: r2 to r5 are the sums. The taps are written out; a jump to where as
 * many are left as there are replaces the loop: five instructions per tap. On the stack: the
 * struct, with where to begin and where to go after an odd tap in the places of x and taps. */
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
      "mov lr, r4\n\t"
      "mov r4, r12\n\t"
      "push {r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
      "mov r0, lr\n"
      "1:\n\t"
      "ldmia sp, {r2, r3, r4, r5, r12}\n\t"
      "ldr r1, [sp, #20]\n\t"
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
      "ldrd r11, r12, [sp, #24]\n\t" TWO_OUTPUTS("r2", "0", "r3", "1")
          TWO_OUTPUTS("r4", "2", "r5", "3")
      "ldrd r6, r7, [sp, #32]\n\t"
      "ldr r8, [sp, #40]\n\t"
      "subs r6, r6, #1\n\t"
      "add r12, r12, r7\n\t"
      "add r0, r0, r8\n\t"
      "strd r12, r6, [sp, #28]\n\t"
      "bne.w 1b\n\t"
      "add sp, sp, #48\n\t"
      "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}");
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

/* weights[rotation][x][slot], doubled. */
static void rotate(const edge_convolution_t *p, uint32_t channel, uint32_t lanes,
                   uint32_t rotations, uint32_t *to) {
  const uint32_t height = p->kernel_height;
  const uint32_t row = (uint32_t)p->kernel_width * p->out_channels;
  for (uint32_t rotation = 0; rotation < rotations; rotation++) {
    const int8_t *column = p->weights + channel;
    for (uint32_t kx = p->kernel_width; kx > 0; kx--, column += p->out_channels) {
      for (uint32_t ky = 0; ky < height; ky++) {
        const uint32_t word = read_lanes(column + ky * row, lanes);
        const uint32_t slot = ky + rotation < height ? ky + rotation : ky + rotation - height;
        to[WORDS * slot] = edge_twice(edge_even_bytes(word));
        to[WORDS * slot + 1] = edge_twice(edge_odd_bytes(word));
      }
      to += WORDS * height;
    }
  }
}

/* Puts an image row, or a row of padding, into the ring. */
static void load(const edge_convolution_t *p, const int8_t *in, uint32_t lanes, int32_t y,
                 uint32_t width, uint32_t *to) {
  const uint32_t step = WORDS * p->kernel_height;
  const uint32_t channels = p->in_channels;
  to += p->pad_left * step;
  if (y < 0 || y >= p->in_height) {
    const uint32_t padding = edge_pair(p->in_zero_point, p->in_zero_point);
    for (; width > 0; width--, to += step) {
      to[0] = padding;
      to[1] = padding;
    }
    return;
  }
  const int8_t *from = in + (uint32_t)y * p->in_row;
  if (lanes == LANES) {
    for (; width >= 2; width -= 2, to += 2 * step) {
      const uint32_t first = edge_load_word(from);
      const uint32_t second = edge_load_word(from + channels);
      from += 2 * channels;
      to[0] = edge_even_bytes(first);
      to[1] = edge_odd_bytes(first);
      to[step] = edge_even_bytes(second);
      to[step + 1] = edge_odd_bytes(second);
    }
  }
  for (; width > 0; width--, from += channels, to += step) {
    const uint32_t word = read_lanes(from, lanes);
    to[0] = edge_even_bytes(word);
    to[1] = edge_odd_bytes(word);
  }
}

/* One row of outputs with fewer channels than four; `step` is from window to window, in bytes. */
static void narrow_row(row_t *row, uint32_t lanes, uint32_t step) {
  int8_t *out = row->out;
  for (uint32_t left = row->pixels; left > 0; left--, out += row->out_step) {
    int8_t four[LANES];
    row->out = four;
    row->pixels = 1;
    sum_row(row);
    row->x += step / sizeof *row->x;
    memcpy(out, four, lanes);
  }
}

static void four_channels(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                          uint32_t channel, uint32_t columns, uint32_t *ring) {
  const uint32_t height = p->kernel_height;
  const uint32_t taps = height * p->kernel_width;
  const uint32_t left = p->out_channels - channel;
  const uint32_t lanes = left < LANES ? left : LANES;
  const uint32_t room = columns - p->pad_left;
  const uint32_t width = p->in_width < room ? p->in_width : room;
  uint32_t *weights = ring + WORDS * columns * height;
  rotate(p, channel, lanes, p->out_height > 1 ? height : 1, weights);
  edge_scale_t scales[LANES];
  row_t row = {
      .scales = scales,
      .out_step = p->out_channels,
      .x_step = p->stride_x * height * WORDS * sizeof *ring - WORDS * sizeof *ring * taps,
      .taps = taps,
  };
  for (uint32_t i = 0; i < LANES; i++) {
    const uint32_t c = channel + (i < lanes ? i : 0);
    row.bias[i] = p->bias[c] * 2;
    scales[i] = edge_scale(p->multiplier[c], p->shift[c], p->zero_point);
  }
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
      load(p, in, lanes, (int32_t)loaded - p->pad_top, width, ring + WORDS * slot);
      slot = slot + 1 < height ? slot + 1 : 0;
    }
    row.x = ring;
    row.weights = weights + rotation * WORDS * taps;
    row.out = out;
    row.pixels = p->out_width;
    if (lanes == LANES) {
      sum_row(&row);
    } else {
      narrow_row(&row, lanes, p->stride_x * height * WORDS * sizeof *ring);
    }
    for (rotation += p->stride_y; rotation >= height;) {
      rotation -= height;
    }
  }
}

void edge_depthwise_dense(const edge_convolution_t *p, const int8_t *in, int8_t *out,
                          void *scratch) {
  const uint32_t columns = (p->out_width - 1u) * p->stride_x + p->kernel_width;
  const uint32_t padding = edge_pair(p->in_zero_point, p->in_zero_point);
  uint32_t *ring = scratch;
  /* The columns of padding stay as they are now. */
  for (uint32_t i = 0; i < WORDS * columns * p->kernel_height; i++) {
    ring[i] = padding;
  }
  for (uint32_t n = 0; n < p->batches; n++) {
    for (uint32_t c = 0; c < p->out_channels; c += LANES) {
      four_channels(p, in + c, out + c, c, columns, ring);
    }
    for (uint32_t oy = 0; oy < p->out_height; oy++, out += p->out_row) {
      edge_dsp_look_up(p->table, p->low, p->high, out, (uint32_t)p->out_width * p->out_channels);
    }
    in += p->in_height * p->in_row;
  }
}
