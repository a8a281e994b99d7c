/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input and output of an emulated board with picolibc: what a user's project does with its
 * UART to run main_example.c. The emulating machine's file sound.wav comes in, byte by byte, its
 * console is where lines go. */
#include <stddef.h>
#include <stdio.h>

#include "board.h"

static int get(FILE *file) {
  /* Fetched in blocks, since each call is an emulator's trap. */
  static unsigned char block[4096];
  static size_t filled, taken;
  static int sound = -1;

  (void)file;
  if (sound < 0) sound = board_open("sound.wav", BOARD_READ);
  if (taken == filled) {
    filled = board_read(sound, block, sizeof block);
    taken = 0;
    if (filled == 0) return EOF;
  }
  return block[taken++];
}

static int put(char letter, FILE *file) {
  const char text[2] = {letter, 0};

  (void)file;
  board_print(text);
  return 0;
}

static FILE line = FDEV_SETUP_STREAM(put, get, NULL, _FDEV_SETUP_RW);
FILE *const stdin = &line;
FILE *const stdout = &line;
FILE *const stderr = &line;
