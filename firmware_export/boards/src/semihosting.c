/* SPDX-License-Identifier: Apache-2.0 */
/* Files, console and exit of the emulated boards. */
#include "semihosting.h"

#include <string.h>

#include "board.h"
#include "board_files.h"

enum {
  SYS_OPEN = 0x01,
  SYS_CLOSE = 0x02,
  SYS_WRITE0 = 0x04,
  SYS_WRITE = 0x05,
  SYS_READ = 0x06,
  SYS_GET_CMDLINE = 0x15,
  SYS_EXIT_EXTENDED = 0x20
};
enum { OPEN_RB = 1, OPEN_WB = 5 };                 /* as fopen's "rb" and "wb" */
static const uint32_t application_exit = 0x20026u; /* ADP_Stopped_ApplicationExit */

/* Both cores pass the arguments and the result as a function call does. */
#if defined(__arm__)
#define STOP "bkpt 0xAB\n bx lr"
#elif defined(__riscv)
/* Identified by the two instructions around the ebreak: all uncompressed, and within one page. */
#define STOP                       \
  ".option push\n .option norvc\n" \
  "slli zero, zero, 0x1f\n"        \
  "ebreak\n"                       \
  "srai zero, zero, 7\n"           \
  ".option pop\n"                  \
  "ret"
#else
#error "no semihosting for this core"
#endif

#define UNUSED __attribute__((unused))

__attribute__((naked, noipa, aligned(16))) int32_t semihosting_call(UNUSED uint32_t operation,
                                                                    UNUSED const void *arguments) {
  __asm__ volatile(STOP);
}

static uint32_t address(const void *pointer) { return (uint32_t)(uintptr_t)pointer; }

int board_open(const char *name, board_mode_t mode) {
  if (!board_name_is_plain(name)) {
    return -1;
  }
  const uint32_t block[3] = {address(name), mode == BOARD_READ ? OPEN_RB : OPEN_WB,
                             (uint32_t)strlen(name)};
  return (int)semihosting_call(SYS_OPEN, block);
}

size_t board_read(int file, void *bytes, size_t size) {
  const uint32_t block[3] = {(uint32_t)file, address(bytes), (uint32_t)size};
  /* The call returns how much of `size` is left, all of it included, or -1. */
  const uint32_t missing = (uint32_t)semihosting_call(SYS_READ, block);
  return missing > size ? 0 : size - missing;
}

bool board_write(int file, const void *bytes, size_t size) {
  const uint32_t block[3] = {(uint32_t)file, address(bytes), (uint32_t)size};
  return semihosting_call(SYS_WRITE, block) == 0;
}

bool board_close(int file) {
  const uint32_t block[1] = {(uint32_t)file};
  return semihosting_call(SYS_CLOSE, block) == 0;
}

void board_print(const char *text) { (void)semihosting_call(SYS_WRITE0, text); }

void board_exit(int status) {
  const uint32_t block[2] = {application_exit, (uint32_t)status};
  (void)semihosting_call(SYS_EXIT_EXTENDED, block);
  for (;;) {
  }
}

bool semihosting_counts(void) {
  char line[64];
  uint32_t block[2] = {address(line), sizeof line};

  if (semihosting_call(SYS_GET_CMDLINE, block) != 0) {
    return false;
  }
  line[sizeof line - 1] = '\0';
  const size_t length = strlen(line);
  return length > 0 && line[length - 1] == '1';
}
