/* SPDX-License-Identifier: Apache-2.0 */
/* Measures stack use: paints the stack, and later looks how far the paint is gone. */
#include "board_stack.h"

#include "board.h"

/* Neither an address of any board nor a number that code is likely to write. */
static const uint32_t paint = 0xC5A9E3B7u;

void board_stack_paint(const uint32_t *end) {
  /* volatile: otherwise the compiler calls memset, whose own frame may be in here */
  for (volatile uint32_t *word = board_stack_bottom; word < end; word++) {
    *word = paint;
  }
}

size_t board_stack_used(void) {
  const uint32_t *word = board_stack_bottom;

  while (word < board_stack_top && *word == paint) {
    word++;
  }
  return (size_t)(board_stack_top - word) * sizeof *word;
}

void board_stack_paint_again(void) {
  const uint32_t *frame = __builtin_frame_address(0);

  board_stack_paint(frame - 32); /* below the frames of these two functions */
}
