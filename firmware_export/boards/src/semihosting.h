/* Calls to the emulating machine (Arm's semihosting specification, which RISC-V took over). */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

/* Stops at an instruction that the emulator knows. `arguments` is a block of words, or a string
 * for one call; the meaning of the value depends on the operation. */
int32_t semihosting_call(uint32_t operation, const void *arguments);

/* Whether the emulator was told that it counts instructions: its command line ends in " count". */
int semihosting_was_told_to_count(void);

#endif
