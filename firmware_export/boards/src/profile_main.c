/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a model once, compiled with `profile`, and measures each op.
 *
 * Reads the model's input from input.bin, and writes its output to output.bin. Prints one line per
 * op, in order: the instructions it took (0 if they are not counted) and the high-water mark of the
 * stack in bytes. Exit status 2 after a line "error: ..." if a file cannot be used.
 */
#include <stddef.h>
#include <stdint.h>

#include "board.h"
#include "model.h"

static struct {
  uint64_t instructions;
  size_t stack;
} ops[MODEL_OPS];

static uint64_t own_count; /* of two calls of board_instructions() in a row */
static uint64_t begin;

static void fail(const char *what) {
  board_print("error: ");
  board_print(what);
  board_print("\n");
  board_exit(2);
}

void model_op_done(uint32_t op) {
  const uint64_t passed = board_instructions() - begin;

  ops[op].instructions = passed > own_count ? passed - own_count : 0;
  ops[op].stack = board_stack_used();
  board_stack_paint_again();
  begin = board_instructions();
}

int main(void) {
  board_init();
  begin = board_instructions();
  own_count = board_instructions() - begin;

  const int in = board_open("input.bin", BOARD_READ);
  const int out = board_open("output.bin", BOARD_WRITE);
  if (in < 0 || out < 0 || board_read(in, model_input(), MODEL_INPUT_SIZE) != MODEL_INPUT_SIZE) {
    fail("input.bin cannot be read or is too short, or output.bin cannot be made");
  }
  board_stack_paint_again();
  begin = board_instructions();
  model_invoke();
  if (!board_write(out, model_output(), MODEL_OUTPUT_SIZE) || !board_close(out)) {
    fail("output.bin cannot be written; make room on the disk");
  }
  for (uint32_t op = 0; op < MODEL_OPS; op++) {
    board_print_unsigned(ops[op].instructions);
    board_print(" ");
    board_print_unsigned(ops[op].stack);
    board_print("\n");
  }
  return 0;
}
