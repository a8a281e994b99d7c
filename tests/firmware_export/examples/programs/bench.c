/* SPDX-License-Identifier: Apache-2.0 */
/* Hears two seconds of noise on a board, loses three blocks of it, prints the measured line. */
#define EDGE_BENCH
#define EDGE_BENCH_BOARD "a board"
#define LISTENER_BENCH_SECONDS 2
#include "board.h"
#include "listener.h"

static void print_line(void *context, const char *line) {
  (void)context;
  board_print(line);
  board_print("\n");
}

int main(void) {
  static listener_t listener;
  static int16_t pcm[400];
  uint32_t noise = 1;

  board_init();
  listener_begin(&listener, print_line, NULL);
  for (int block = 0; block < 2 * FRONTEND_SAMPLE_RATE / 400; ++block) {
    for (int i = 0; i < 400; ++i) {
      noise = noise * 1664525u + 1013904223u;
      pcm[i] = (int16_t)(noise >> 20);
    }
    if (block == 20) listener_lost(&listener, 3, 3 * 400);
    listener_hear(&listener, pcm, 400);
  }
  return 0;
}
