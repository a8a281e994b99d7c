/* SPDX-License-Identifier: Apache-2.0 */
/* One program for all that a board must be able to do: the file "command" says what. */
#include <string.h>

#include "board.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

static uint32_t initialized = 0x12345678u;
static uint32_t cleared[100];

__attribute__((noinline)) static void thousand_nops(void) {
  __asm__ volatile(".rept 1000\n nop\n .endr");
}

static void print_value(const char *key, uint64_t value) {
  board_print(key);
  board_print("=");
  board_print_unsigned(value);
  board_print(" ");
}

/* Instructions of a thousand nops, without those of asking. */
static uint64_t count_nops(void) {
  const uint64_t start = board_instructions();
  const uint64_t asked = board_instructions();
  thousand_nops();
  return board_instructions() - asked - (asked - start);
}

__attribute__((noinline)) static uint32_t use_stack(uint32_t bytes) {
  volatile uint8_t array[bytes]; /* of variable length: taken from the stack when called */
  uint32_t sum = 0;

  for (uint32_t i = 0; i < bytes; i++) {
    array[i] = (uint8_t)i;
  }
  for (uint32_t i = 0; i < bytes; i++) {
    sum += array[i];
  }
  return sum;
}

static volatile uint32_t depth;

/* Nothing that a compiler could turn into a loop. */
__attribute__((noinline)) static uint32_t recurse(uint32_t n) { /* NOLINT: endless on purpose */
  volatile uint32_t here[16];
  here[n % 16] = n;
  depth = n;
  return recurse(n + 1) + here[n % 16];
}

static uint32_t mve_sum(void) {
#if defined(__ARM_FEATURE_MVE)
  static int8_t values[21]; /* a whole vector and a tail */
  for (int i = 0; i < 21; i++) {
    values[i] = (int8_t)(i - 4);
  }
  int32_t sum = 0;
  for (int left = 21, at = 0; left > 0; left -= 16, at += 16) {
    const mve_pred16_t lanes = vctp8q((uint32_t)left);
    sum = vaddvaq_p_s8(sum, vldrbq_z_s8(values + at, lanes), lanes);
  }
  return (uint32_t)sum;
#else
  return 0;
#endif
}

static void report(void) {
  uint32_t nonzero = 0;
  for (size_t i = 0; i < sizeof cleared / sizeof cleared[0]; i++) {
    nonzero += cleared[i];
  }
  print_value("data", initialized == 0x12345678u);
  print_value("bss", nonzero);
  print_value("counts", board_counts());
  print_value("nops", count_nops());
  print_value("again", count_nops());
#if !defined(__XTENSA__) /* no board_xtensa_arithmetic.c for floats */
  volatile float half = 0.5f;
  print_value("float", (uint64_t)(half * 3.0f * 1000.0f));
#endif
  print_value("mve", mve_sum());
  const size_t before = board_stack_used();
  (void)use_stack(3000);
  print_value("stack", before);
  print_value("deeper", board_stack_used());
  print_value("largest", UINT64_MAX);
  board_print_hex(0x89ABCDEFu);
  board_print("\n");
}

/* Counts a loop again and again, for several turns of a 24-bit timer. */
static void count_long(void) {
  uint64_t least = UINT64_MAX, most = 0, last = board_instructions();

  for (int i = 0; i < 20000; i++) {
    thousand_nops();
    const uint64_t now = board_instructions();
    const uint64_t passed = now - last;
    last = now;
    least = passed < least ? passed : least;
    most = passed > most ? passed : most;
  }
  print_value("least", least);
  print_value("most", most);
  print_value("total", last);
  board_print("\n");
}

static int copy(void) {
  static uint8_t bytes[1000];
  const int from = board_open("in.bin", BOARD_READ);
  const int to = board_open("out.bin", BOARD_WRITE);
  if (from < 0 || to < 0) {
    return 3;
  }
  for (;;) {
    const size_t size = board_read(from, bytes, sizeof bytes);
    if (!board_write(to, bytes, size)) {
      return 4;
    }
    if (size < sizeof bytes) {
      return board_close(from) && board_close(to) ? 0 : 5;
    }
  }
}

/* Returns how many names outside of the directory, or of no file, can be opened. */
static int open_bad_names(void) {
  static const char *const names[] = {"/etc/passwd", "../outside.txt",  "..",           ".",     "",
                                      ":tt",         "folder/file.txt", "no-such-file", "in bin"};
  int opened = 0;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    opened += board_open(names[i], BOARD_READ) >= 0;
  }
  opened += board_open("../written.txt", BOARD_WRITE) >= 0;
  return opened;
}

int main(void) {
  char command[32] = "";
  board_init();
  const int file = board_open("command", BOARD_READ);
  if (file < 0) {
    return 2;
  }
  const size_t size = board_read(file, command, sizeof command - 1);
  board_close(file);
  command[size] = '\0';

  if (strcmp(command, "report") == 0) {
    report();
  } else if (strcmp(command, "count") == 0) {
    count_long();
  } else if (strcmp(command, "copy") == 0) {
    return copy();
  } else if (strcmp(command, "names") == 0) {
    return open_bad_names();
  } else if (strcmp(command, "main") == 0) {
    return 41;
  } else if (strcmp(command, "exit") == 0) {
    board_exit(255);
  } else if (strcmp(command, "99") == 0) {
    board_print("no fault\n");
    return 99;
  } else if (strcmp(command, "memory") == 0) {
    return (int)*(volatile uint32_t *)0xF0000000u;
  } else if (strcmp(command, "jump") == 0) {
    int (*volatile nowhere)(void) = (int (*)(void))0xF0000001u;
    return nowhere();
  } else if (strcmp(command, "instruction") == 0) {
    __builtin_trap();
  } else if (strcmp(command, "stack") == 0) {
    return (int)recurse(0);
  } else if (strcmp(command, "array") == 0) {
    return (int)use_stack(20000);
  } else if (strcmp(command, "hang") == 0) {
    board_print("about to hang\n");
    for (volatile int i = 0;; i++) {
    }
  }
  return 0;
}
