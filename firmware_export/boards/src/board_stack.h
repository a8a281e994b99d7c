/* SPDX-License-Identifier: Apache-2.0 */
/* For the files that make up a board, not for programs. */
#ifndef BOARD_STACK_H
#define BOARD_STACK_H

#include <stdint.h>

/* The reserved stack, from the linker script. It lies lowest in RAM: what grows past it leaves
 * the memory and faults, instead of running silently over variables. */
extern uint32_t board_stack_bottom[];
extern uint32_t board_stack_top[];

/* The end of the small one that exceptions run on, and the start until main() is called. */
extern uint32_t board_handler_stack_top[];

/* Paints the words from the bottom up to `end`, which must not be in use. */
void board_stack_paint(const uint32_t *end);

#endif
