/* SPDX-License-Identifier: Apache-2.0 */
/* Runs many emitted models: reads their inputs from stdin, writes their outputs to stdout. */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>

static void run(const program_t *program) {
  for (int set = 0; set < SETS; ++set) {
    for (int i = 0; i < program->inputs; ++i) {
      if (fread(program->input[i](), 1, program->input_size[i], stdin) != program->input_size[i]) {
        exit(3);
      }
    }
    program->invoke();
    for (int i = 0; i < program->outputs; ++i) {
      fwrite(program->output[i](), 1, program->output_size[i], stdout);
    }
  }
  fflush(stdout);
}

/* The argument is the number of the first program to run. */
int main(int argc, char **argv) {
  for (int i = argc > 1 ? atoi(argv[1]) : 0; i < program_count; ++i) {
    run(&programs[i]);
  }
  return 0;
}
