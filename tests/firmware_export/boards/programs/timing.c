/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions of a Cortex-M whose cycles are known, between readings of the counter.
 *
 * Each call in measured() is 4 bytes at a multiple of 4, so every return takes the same.
 */
#include "board.h"

__attribute__((naked, used)) static void loop(void) {
  __asm__ volatile(
      "  .balign 4\n"
      "  movs r0, #100\n"
      "1: subs r0, #1\n"
      "  bne 1b\n"
      "  bx lr");
}

/* Returns early, or not. */
__attribute__((naked, used)) static void skip(void) {
  __asm__ volatile(
      "  .balign 4\n"
      "  push {r4, lr}\n"
      "  cmp r4, r4\n"
      "  it ne\n"
      "  popne {r4, pc}\n"
      "  pop {r4, pc}");
}

__attribute__((naked, noinline)) static void measured(void) {
  __asm__ volatile(
      "  push {r4, lr}\n"
      "  .balign 4\n"
      "  bl board_instructions\n"
      "  bl board_instructions\n"
      "  bl loop\n"
      "  bl board_instructions\n"
      "  bl skip\n"
      "  bl board_instructions\n"
      "  pop {r4, pc}");
}

int main(void) {
  board_init();
  measured();
  return 0;
}
