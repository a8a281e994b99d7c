/* SPDX-License-Identifier: Apache-2.0 */
/* The self-test of an exported folder as a program for a board. */
#include <stddef.h>

#include "board.h"
#include "self_test.h"

/* newlib's snprintf refers to it, but allocates nothing for integers and text. */
void *_sbrk(int bytes);
void *_sbrk(int bytes) {
  (void)bytes;
  return (void *)-1;
}

static void print_line(void *context, const char *line) {
  (void)context;
  board_print(line);
  board_print("\n");
}

int main(void) {
  board_init();
  return self_test_run(print_line, NULL) == 0 ? 0 : 1;
}
