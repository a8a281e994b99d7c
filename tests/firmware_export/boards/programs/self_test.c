/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the self-test of an exported folder; its status is 1 if bytes differ. */
#include "self_test.h"

#include "board.h"

/* newlib's snprintf refers to a heap, and needs none for numbers and texts. */
void *_sbrk(ptrdiff_t bytes);
void *_sbrk(ptrdiff_t bytes) {
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
