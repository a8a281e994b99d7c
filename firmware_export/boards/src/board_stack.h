/* SPDX-License-Identifier: Apache-2.0 */
/* For the files that make up a board, not for programs. */
#ifndef BOARD_STACK_H
#define BOARD_STACK_H

#include <stdint.h>

/* The reserved stack, from the linker script. It is lowest in RAM: an overflow leaves RAM and
 * faults, instead of silently overwriting variables. */
extern uint32_t board_stack_bottom[];
extern uint32_t board_stack_top[];

/* The top of the small stack for exceptions, and for start-up until main() is called. */
extern uint32_t board_handler_stack_top[];

/* Paints the words from the bottom up to `end`, which must not be in use. */
void board_stack_paint(const uint32_t *end);

#endif
