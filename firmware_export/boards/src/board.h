/* SPDX-License-Identifier: Apache-2.0 */
/* Services of the board that a program runs on: an emulated core, or the host.
 *
 * Boards have no operating system. Files and the console are the emulating machine's, accessed by
 * semihosting; there is no heap and no stdio. main() starts with initialized .data and .bss and an
 * unused stack, and its return value becomes the exit status.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { BOARD_READ, BOARD_WRITE } board_mode_t;

/* Starts the instruction counter. Call it first in main(). */
void board_init(void);

/* Whether instructions are counted in this run; never on the host. */
bool board_counts(void);

/* Instructions executed so far, 0 if they are not counted. Not cycles: many instructions take more
 * than one. Two calls in a row differ by 10 to 40, the cost of the call itself; measure it. */
uint64_t board_instructions(void);

/* Opens a file in the working directory; BOARD_WRITE truncates it. The name must be plain:
 * letters, digits, '.', '_' and '-', no leading dot, no folders. Negative on failure. */
int board_open(const char *name, board_mode_t mode);

/* Returns how many bytes were read: fewer than `size` at the end of the file or on an error. */
size_t board_read(int file, void *bytes, size_t size);

/* Returns whether all bytes were written. */
bool board_write(int file, const void *bytes, size_t size);

/* Returns whether everything written has been accepted. */
bool board_close(int file);

/* Prints on the console; "\n" ends a line. */
void board_print(const char *text);
void board_print_unsigned(uint64_t value);
void board_print_hex(uint32_t value);

/* Ends the run; `status`, 0 to 255, becomes the emulator's exit status. */
void board_exit(int status) __attribute__((noreturn));

/* High-water mark of the stack in bytes, found from what is left of the paint it had at the start;
 * 0 where it is unknown (the host). */
size_t board_stack_used(void);

/* Paints what is free of the stack again: board_stack_used() then reports what is used from now on,
 * and what its caller's callers hold. */
void board_stack_paint_again(void);

#endif
