/* SPDX-License-Identifier: Apache-2.0 */
/* The C library of the Xtensa board; see xtensa/string.h. */
#include <stdint.h>
#include <string.h>

/* The compiler would take these loops for what they are, and call them in themselves. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

typedef uint32_t __attribute__((may_alias)) word_t;

enum { WORD = sizeof(word_t) };

static uintptr_t offset(const void *pointer) { return (uintptr_t)pointer % WORD; }

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  uint8_t *out = to;
  const uint8_t *in = from;

  if (offset(out) == offset(in)) { /* the core has no unaligned words */
    for (; size > 0 && offset(out) != 0; size--) {
      *out++ = *in++;
    }
    for (; size >= WORD; size -= WORD, out += WORD, in += WORD) {
      *(word_t *)(void *)out = *(const word_t *)(const void *)in;
    }
  }
  for (; size > 0; size--) {
    *out++ = *in++;
  }
  return to;
}

void *memmove(void *to, const void *from, size_t size) {
  uint8_t *out = to;
  const uint8_t *in = from;

  if ((uintptr_t)out - (uintptr_t)in >= size) { /* `to` is lower, or beyond the end */
    for (size_t i = 0; i < size; i++) {
      out[i] = in[i];
    }
  } else {
    for (size_t i = size; i > 0; i--) {
      out[i - 1] = in[i - 1];
    }
  }
  return to;
}

void *memset(void *to, int value, size_t size) {
  uint8_t *out = to;
  const word_t word = (uint8_t)value * 0x01010101u;

  for (; size > 0 && offset(out) != 0; size--) {
    *out++ = (uint8_t)value;
  }
  for (; size >= WORD; size -= WORD, out += WORD) {
    *(word_t *)(void *)out = word;
  }
  for (; size > 0; size--) {
    *out++ = (uint8_t)value;
  }
  return to;
}

int memcmp(const void *a, const void *b, size_t size) {
  const uint8_t *left = a, *right = b;

  for (; size > 0; size--, left++, right++) {
    if (*left != *right) {
      return *left - *right;
    }
  }
  return 0;
}

size_t strlen(const char *text) {
  const char *end = text;

  while (*end != '\0') {
    end++;
  }
  return (size_t)(end - text);
}

int strcmp(const char *a, const char *b) {
  while (*a != '\0' && *a == *b) {
    a++;
    b++;
  }
  return (uint8_t)*a - (uint8_t)*b;
}
