/* SPDX-License-Identifier: Apache-2.0 */
/* The host as a board: the same programs, without emulator, limits and instruction counts. */
#include <stdio.h>
#include <stdlib.h>

#include "board.h"
#include "board_files.h"

enum { FILES = 8 };

static FILE *files[FILES];

/* Otherwise the output of a program that is killed would be lost. */
void board_init(void) { (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ); }

bool board_counts(void) { return false; }

uint64_t board_instructions(void) { return 0; }

int board_open(const char *name, board_mode_t mode) {
  if (!board_name_is_plain(name)) {
    return -1;
  }
  for (int i = 0; i < FILES; i++) {
    if (files[i] == NULL) {
      files[i] = fopen(name, mode == BOARD_READ ? "rb" : "wb");
      return files[i] == NULL ? -1 : i;
    }
  }
  return -1;
}

size_t board_read(int file, void *bytes, size_t size) { return fread(bytes, 1, size, files[file]); }

bool board_write(int file, const void *bytes, size_t size) {
  return fwrite(bytes, 1, size, files[file]) == size;
}

bool board_close(int file) {
  FILE *closed = files[file];

  files[file] = NULL;
  return fclose(closed) == 0;
}

void board_print(const char *text) { (void)fputs(text, stdout); }

void board_exit(int status) { exit(status); }

size_t board_stack_used(void) { return 0; }

void board_stack_paint_again(void) {}
