/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_requantize.h"
#include "edge_wide.h"

/* What one window covers of an image. */
typedef struct {
  int32_t top, bottom, left, right;
} window_t;

static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

static int32_t average(const edge_wide_pool_t *p, window_t at, const int16_t *in) {
  int32_t sum = 0;
  for (int32_t row = at.top; row < at.bottom; row++) {
    for (int32_t column = at.left; column < at.right; column++) {
      sum += in[(row * p->in_width + column) * p->channels];
    }
  }
  const int32_t count = (at.bottom - at.top) * (at.right - at.left);
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

static int32_t maximum(const edge_wide_pool_t *p, window_t at, const int16_t *in) {
  int32_t most = INT16_MIN;
  for (int32_t row = at.top; row < at.bottom; row++) {
    for (int32_t column = at.left; column < at.right; column++) {
      most = larger(most, in[(row * p->in_width + column) * p->channels]);
    }
  }
  return most;
}

static void pool(const edge_wide_pool_t *p, const int16_t *in, int16_t *out,
                 int32_t (*of)(const edge_wide_pool_t *p, window_t at, const int16_t *in)) {
  for (int32_t n = 0; n < p->batches; n++, in += p->in_height * p->in_width * p->channels) {
    for (int32_t oy = 0; oy < p->out_height; oy++) {
      const int32_t y = oy * p->stride_y - p->pad_top;
      for (int32_t ox = 0; ox < p->out_width; ox++) {
        const int32_t x = ox * p->stride_x - p->pad_left;
        const window_t at = {larger(y, 0), smaller(y + p->kernel_height, p->in_height),
                             larger(x, 0), smaller(x + p->kernel_width, p->in_width)};
        for (int32_t c = 0; c < p->channels; c++) {
          *out++ = (int16_t)edge_clamp(of(p, at, in + c), p->low, p->high);
        }
      }
    }
  }
}

void edge_wide_average_pool(const edge_wide_pool_t *p, const int16_t *in, int16_t *out) {
  pool(p, in, out, average);
}

void edge_wide_max_pool(const edge_wide_pool_t *p, const int16_t *in, int16_t *out) {
  pool(p, in, out, maximum);
}
