/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the emulating machine (Arm's semihosting specification, which RISC-V adopted). */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdbool.h>
#include <stdint.h>

/* Traps to the emulator. `arguments` is a block of words, or a string for one operation; the
 * meaning of the result depends on the operation. */
int32_t semihosting_call(uint32_t operation, const void *arguments);

/* Whether the emulator counts instructions: then the program's command line ends in "count=1". */
bool semihosting_counts(void);

#endif
