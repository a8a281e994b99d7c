/* SPDX-License-Identifier: Apache-2.0 */
/* Prints numbers with a few hundred bytes of flash instead of printf's several thousand. */
#include "board.h"

void board_print_unsigned(uint64_t value) {
  char text[21]; /* 2^64 - 1 has 20 digits */
  char *digit = text + sizeof text - 1;

  *digit = '\0';
  do {
    *--digit = (char)('0' + value % 10u);
    value /= 10u;
  } while (value != 0);
  board_print(digit);
}

void board_print_hex(uint32_t value) {
  char text[11] = "0x";

  for (int i = 0; i < 8; i++) {
    text[2 + i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 0xFu];
  }
  text[10] = '\0';
  board_print(text);
}
