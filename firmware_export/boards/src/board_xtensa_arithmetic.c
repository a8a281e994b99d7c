/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic that the Xtensa board's core has no instructions for, under the names by which the
 * compiler calls it. Debian's libgcc for this core lacks these, though it refers to them. */
#include <stdint.h>

uint64_t __umulsidi3(uint32_t a, uint32_t b);
int64_t __muldi3(int64_t a, int64_t b);
uint32_t __udivsi3(uint32_t a, uint32_t b);
uint32_t __umodsi3(uint32_t a, uint32_t b);
int32_t __divsi3(int32_t a, int32_t b);
uint64_t __udivdi3(uint64_t a, uint64_t b);
uint64_t __umoddi3(uint64_t a, uint64_t b);
int64_t __divdi3(int64_t a, int64_t b);

/* The core multiplies 16 by 16 bits, and has the lower half of 32 by 32. */
static inline uint64_t multiply(uint32_t a, uint32_t b) {
  const uint32_t low = (a & 0xFFFFu) * (b & 0xFFFFu);
  const uint32_t middle = (a >> 16) * (b & 0xFFFFu) + (low >> 16); /* no carry: (2^16-1)^2+2^16-1 */
  const uint32_t other = (a & 0xFFFFu) * (b >> 16) + (middle & 0xFFFFu);
  const uint32_t high = (a >> 16) * (b >> 16) + (middle >> 16) + (other >> 16);

  return (uint64_t)high << 32 | (other << 16 | (low & 0xFFFFu));
}

uint64_t __umulsidi3(uint32_t a, uint32_t b) { return multiply(a, b); }

int64_t __muldi3(int64_t a, int64_t b) {
  const uint64_t x = (uint64_t)a, y = (uint64_t)b;
  const uint32_t across = (uint32_t)(x >> 32) * (uint32_t)y + (uint32_t)x * (uint32_t)(y >> 32);

  return (int64_t)(multiply((uint32_t)x, (uint32_t)y) + ((uint64_t)across << 32));
}

/* Long division; `b` must not be 0. */
static uint32_t divide(uint32_t a, uint32_t b, uint32_t *remainder) {
  uint32_t quotient = 0;

  if (a >= b) {
    for (int shift = __builtin_clz(b) - __builtin_clz(a); shift >= 0; shift--) {
      if (a >= b << shift) {
        a -= b << shift;
        quotient |= 1u << shift;
      }
    }
  }
  *remainder = a;
  return quotient;
}

static int leading_zeros(uint64_t value) {
  const uint32_t high = (uint32_t)(value >> 32);
  return high != 0 ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)value);
}

static uint64_t divide_long(uint64_t a, uint64_t b, uint64_t *remainder) {
  uint64_t quotient = 0;

  if (a >= b) {
    const int most = leading_zeros(b) - leading_zeros(a);
    b <<= most;
    for (int left = most; left >= 0; left--, b >>= 1) {
      quotient <<= 1;
      if (a >= b) {
        a -= b;
        quotient |= 1u;
      }
    }
  }
  *remainder = a;
  return quotient;
}

/* What the core does where another has an instruction that refuses. */
static void refuse_zero(uint64_t divisor) {
  if (divisor == 0) {
    __asm__ volatile("ill");
  }
}

uint32_t __udivsi3(uint32_t a, uint32_t b) {
  uint32_t remainder;
  refuse_zero(b);
  return divide(a, b, &remainder);
}

uint32_t __umodsi3(uint32_t a, uint32_t b) {
  uint32_t remainder;
  refuse_zero(b);
  (void)divide(a, b, &remainder);
  return remainder;
}

int32_t __divsi3(int32_t a, int32_t b) {
  const uint32_t x = a < 0 ? 0u - (uint32_t)a : (uint32_t)a;
  const uint32_t y = b < 0 ? 0u - (uint32_t)b : (uint32_t)b;
  const uint32_t quotient = __udivsi3(x, y);

  return (int32_t)((a < 0) == (b < 0) ? quotient : 0u - quotient);
}

uint64_t __udivdi3(uint64_t a, uint64_t b) {
  uint64_t remainder;
  refuse_zero(b);
  return divide_long(a, b, &remainder);
}

uint64_t __umoddi3(uint64_t a, uint64_t b) {
  uint64_t remainder;
  refuse_zero(b);
  (void)divide_long(a, b, &remainder);
  return remainder;
}

int64_t __divdi3(int64_t a, int64_t b) {
  const uint64_t x = a < 0 ? 0u - (uint64_t)a : (uint64_t)a;
  const uint64_t y = b < 0 ? 0u - (uint64_t)b : (uint64_t)b;
  const uint64_t quotient = __udivdi3(x, y);

  return (int64_t)((a < 0) == (b < 0) ? quotient : 0u - quotient);
}
