/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

/* Up to this many items, multiplication by `reciprocal` below divides exactly. */
#define MOST_FOR_RECIPROCAL 5000

static inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

/* A window inside the image. */
typedef struct {
  int32_t rows, columns;
  int32_t in_row, channels; /* steps */
  uint32_t count;           /* items */
  uint32_t reciprocal;      /* 2^32 / count, rounded up; 0 for count 1 */
  int32_t low, high;
} window_t;

/* To the nearest, ties away from zero. */
static inline int8_t mean(const window_t *w, int32_t sum) {
  const uint32_t size = (uint32_t)(sum < 0 ? -sum : sum) + w->count / 2;
  uint32_t value = size;
  if (w->count > MOST_FOR_RECIPROCAL) {
    value = size / w->count;
  } else if (w->count > 1) {
    value = (uint32_t)(((uint64_t)size * w->reciprocal) >> 32);
  }
  return (int8_t)edge_clamp(sum < 0 ? -(int32_t)value : (int32_t)value, w->low, w->high);
}

static void four_channels(const window_t *w, const int8_t *in, int8_t *out) {
  int32_t sum0 = 0;
  int32_t sum1 = 0;
  int32_t sum2 = 0;
  int32_t sum3 = 0;
  for (int32_t row = 0; row < w->rows; row++, in += w->in_row) {
    const int8_t *item = in;
    for (int32_t column = w->columns; column > 0; column--, item += w->channels) {
      sum0 += item[0];
      sum1 += item[1];
      sum2 += item[2];
      sum3 += item[3];
    }
  }
  out[0] = mean(w, sum0);
  out[1] = mean(w, sum1);
  out[2] = mean(w, sum2);
  out[3] = mean(w, sum3);
}

static void one_channel(const window_t *w, const int8_t *in, int8_t *out) {
  int32_t sum = 0;
  for (int32_t row = 0; row < w->rows; row++, in += w->in_row) {
    const int8_t *item = in;
    for (int32_t column = w->columns; column > 0; column--, item += w->channels) {
      sum += *item;
    }
  }
  *out = mean(w, sum);
}

void edge_average_pool(const edge_pool_t *p, const int8_t *in, int8_t *out) {
  const int32_t channels = p->channels;
  window_t window = {
      .in_row = p->in_width * channels, .channels = channels, .low = p->low, .high = p->high};
  for (int32_t n = 0; n < p->batches; n++, in += p->in_height * window.in_row) {
    for (int32_t oy = 0; oy < p->out_height; oy++) {
      const int32_t y = oy * p->stride_y - p->pad_top;
      const int32_t top = larger(y, 0);
      window.rows = smaller(y + p->kernel_height, p->in_height) - top;
      for (int32_t ox = 0; ox < p->out_width; ox++, out += channels) {
        const int32_t x = ox * p->stride_x - p->pad_left;
        const int32_t left = larger(x, 0);
        window.columns = smaller(x + p->kernel_width, p->in_width) - left;
        const uint32_t count = (uint32_t)(window.rows * window.columns);
        if (count != window.count) {
          window.count = count;
          window.reciprocal = UINT32_MAX / count + 1;
        }
        const int8_t *first = in + top * window.in_row + left * channels;
        int32_t c = 0;
        for (; c + 4 <= channels; c += 4) {
          four_channels(&window, first + c, out + c);
        }
        for (; c < channels; c++) {
          one_channel(&window, first + c, out + c);
        }
      }
    }
  }
}
