/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the emulating machine (Arm's semihosting specification, which RISC-V took over). */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdbool.h>
#include <stdint.h>

/* Stops at an instruction that the emulator knows. `arguments` is a block of words, or a string
 * for one call; the meaning of the value depends on the operation. */
int32_t semihosting_call(uint32_t operation, const void *arguments);

/* Whether the emulator counts instructions: then it was started with a command line of the
 * program that ends in "count=1". */
bool semihosting_was_told_to_count(void);

#endif
