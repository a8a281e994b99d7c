/* SPDX-License-Identifier: Apache-2.0 */
#include "edge_kernels.h"
#include "edge_requantize.h"

/* Up to this many items, multiplication by `reciprocal` below divides exactly. */
#define MOST_FOR_RECIPROCAL 5000

static inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

void edge_average_pool(const edge_pool_t *p, const int8_t *in, int8_t *out) {
  const edge_pool_t local = *p;
  const int32_t channels = local.channels;
  const int32_t in_row = local.in_width * channels;
  uint32_t count = 0;
  uint32_t reciprocal = 0; /* 2^32 / count, rounded up; 0 for count 1 */
  for (int32_t n = 0; n < local.batches; n++, in += local.in_height * in_row) {
    for (int32_t oy = 0; oy < local.out_height; oy++) {
      const int32_t y = oy * local.stride_y - local.pad_top;
      const int32_t top = larger(y, 0);
      const int32_t bottom = smaller(y + local.kernel_height, local.in_height);
      for (int32_t ox = 0; ox < local.out_width; ox++) {
        const int32_t x = ox * local.stride_x - local.pad_left;
        const int32_t left = larger(x, 0);
        const int32_t right = smaller(x + local.kernel_width, local.in_width);
        const uint32_t items = (uint32_t)((bottom - top) * (right - left));
        if (items != count) {
          count = items;
          reciprocal = UINT32_MAX / count + 1;
        }
        for (int32_t c = 0; c < channels; c++) {
          int32_t sum = 0;
          for (int32_t row = top; row < bottom; row++) {
            const int8_t *item = in + row * in_row + c;
            for (int32_t column = left; column < right; column++) {
              sum += item[column * channels];
            }
          }
          /* To the nearest, ties away from zero. */
          const uint32_t size = (uint32_t)(sum < 0 ? -sum : sum) + count / 2;
          uint32_t mean = size;
          if (count > MOST_FOR_RECIPROCAL) {
            mean = size / count;
          } else if (count > 1) {
            mean = (uint32_t)(((uint64_t)size * reciprocal) >> 32);
          }
          const int32_t value = sum < 0 ? -(int32_t)mean : (int32_t)mean;
          *out++ = (int8_t)edge_clamp(value, local.low, local.high);
        }
      }
    }
  }
}
