/* SPDX-License-Identifier: Apache-2.0 */
/* Files, console and exit of the Xtensa board: the calls of its simulator, which QEMU has, too. */
#include <string.h>

#include "board.h"
#include "board_files.h"
#include "semihosting.h"

enum {
  SYS_EXIT = 1,
  SYS_READ = 3,
  SYS_WRITE = 4,
  SYS_OPEN = 5,
  SYS_CLOSE = 6,
  SYS_ARGC = 1000,
  SYS_ARGV_SIZE = 1001,
  SYS_ARGV = 1002
};
/* QEMU hands these to open() as they are: Linux's numbers for "rb" and "wb". */
enum { OPEN_RB = 0, OPEN_WB = 01 | 0100 | 01000, RIGHTS = 0644 };
enum { CONSOLE = 1 };

/* The call is in a2, its arguments in a3 to a5; the result comes back in a2, an error in a3. */
static int32_t simcall(uint32_t operation, uint32_t first, uint32_t second, uint32_t third) {
  register uint32_t a2 __asm__("a2") = operation;
  register uint32_t a3 __asm__("a3") = first;
  register uint32_t a4 __asm__("a4") = second;
  register uint32_t a5 __asm__("a5") = third;

  __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
  return (int32_t)a2;
}

static uint32_t address(const void *pointer) { return (uint32_t)(uintptr_t)pointer; }

int board_open(const char *name, board_mode_t mode) {
  if (!board_name_is_plain(name)) {
    return -1;
  }
  return (int)simcall(SYS_OPEN, address(name), mode == BOARD_READ ? OPEN_RB : OPEN_WB, RIGHTS);
}

size_t board_read(int file, void *bytes, size_t size) {
  const int32_t read = simcall(SYS_READ, (uint32_t)file, address(bytes), size);
  return read < 0 ? 0 : (size_t)read;
}

bool board_write(int file, const void *bytes, size_t size) {
  return simcall(SYS_WRITE, (uint32_t)file, address(bytes), size) == (int32_t)size;
}

bool board_close(int file) { return simcall(SYS_CLOSE, (uint32_t)file, 0, 0) == 0; }

void board_print(const char *text) { (void)board_write(CONSOLE, text, strlen(text)); }

void board_exit(int status) {
  (void)simcall(SYS_EXIT, (uint32_t)status, 0, 0);
  for (;;) {
  }
}

bool semihosting_counts(void) {
  uint32_t arguments[16]; /* pointers, a null one, and then the strings */
  const uint32_t count = (uint32_t)simcall(SYS_ARGC, 0, 0, 0);

  if (count == 0 || (uint32_t)simcall(SYS_ARGV_SIZE, 0, 0, 0) > sizeof arguments) {
    return false;
  }
  (void)simcall(SYS_ARGV, address(arguments), 0, 0);
  const char *last = (const char *)(uintptr_t)arguments[count - 1];
  return strcmp(last, "count=1") == 0;
}
