/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a hash of what wide arithmetic and <string.h> give: the same on every board. */
#include <string.h>

#include "board.h"

static uint32_t state = 1, hash = 2166136261u;

static uint32_t random_word(void) {
  state = state * 1664525u + 1013904223u;
  const uint32_t word = state ^ state >> 15;
  return word >> (word & 31u); /* of every length */
}

static void add(uint64_t value) {
  for (int i = 0; i < 64; i += 8) {
    hash = (hash ^ (uint32_t)(value >> i & 0xFFu)) * 16777619u;
  }
}

static void calculate(uint64_t a, uint64_t b) {
  const int64_t x = (int64_t)a, y = (int64_t)(b >> 1 | 3u);
  const uint32_t u = (uint32_t)a, v = (uint32_t)b | 1u;
  const int32_t s = (int32_t)u, t = (int32_t)(v >> 1 | 3u);

  add(a * b);
  add((uint64_t)u * v);
  add((uint64_t)((int64_t)s * t));
  add(a / (b | 1u));
  add(a % (b | 1u));
  add((uint64_t)(x / y));
  add((uint64_t)(x / -y));
  add((uint64_t)(x % y));
  add(u / v);
  add(u % v);
  add((uint64_t)(s / -t));
  add((uint64_t)(s % t));
}

static void move(void) {
  static uint8_t bytes[64], other[64];
  const size_t size = random_word() % 24u, from = random_word() % 32u, to = random_word() % 32u;
  const uint32_t fill = random_word(), filled = random_word() % 24u;

  for (size_t i = 0; i < sizeof bytes; i++) {
    bytes[i] = (uint8_t)random_word();
  }
  memcpy(other + to, bytes + from, size);
  memmove(bytes + to, bytes + from, size);
  memset(bytes + from, (int)fill, filled);
  const int order = memcmp(bytes, other, size);
  add((order > 0) - (uint64_t)(order < 0));
  for (size_t i = 0; i < sizeof bytes; i++) {
    add(bytes[i] | (uint64_t)other[i] << 8);
  }
}

int main(void) {
  board_init();
  for (int i = 0; i < 500; i++) {
    const uint64_t high = random_word(), low = random_word();
    const uint64_t other = random_word(), least = random_word();
    calculate(i % 2 != 0 ? high << 32 | low : low, other << (i % 33) | least);
    move();
  }
  board_print_hex(hash);
  return 0;
}
