/* SPDX-License-Identifier: Apache-2.0 */
/* Start, faults and instruction counter of the Xtensa board. Its compiler's calls are "call0": no
 * register windows. */
#include "board.h"
#include "board_stack.h"
#include "semihosting.h"

enum { FAULT_STATUS = 99, GUARD_BYTES = 64 * 1024 };

extern uint32_t board_data_load[], board_data_start[], board_data_end[];
extern uint32_t board_bss_start[], board_bss_end[];

int main(void);
void board_start(void) __attribute__((noreturn, used));
void board_run(void) __attribute__((noreturn));
void board_fault(uint32_t cause, uint32_t pc, uint32_t value) __attribute__((noreturn, used));

/* What the vectors' code gives as the cause of a break instruction; the core's own are below. */
#define CAUSE_BREAK "64"

static bool counts;
static uint32_t last; /* CCOUNT when it was read */

/* The core starts at the first byte of flash. The vectors are at fixed distances from VECBASE,
 * which becomes the same place. Constants are loaded from lower addresses only. */
__asm__(
    ".section .board_start, \"ax\"\n"
    ".begin no-transform\n"
    ".balign 16\n"
    "vectors:\n"
    "  j board_reset\n"
    ".balign 4\n"
    "stack_top: .word board_handler_stack_top\n"
    "start: .word board_start\n"
    "fault: .word board_fault\n"
    ".org 0x10\n" /* breakpoint */
    "  j break_fault\n"
    ".org 0x30\n" /* exception in privileged code */
    "  j exception_fault\n"
    ".balign 4\n"
    "base: .word vectors\n"
    ".org 0x50\n" /* exception in user code */
    "  j exception_fault\n"
    ".org 0x70\n" /* exception in the code for exceptions: no second report */
    "  movi a2, 1\n"
    "  movi a3, 99\n"
    "  simcall\n"
    ".org 0x80\n"
    "exception_fault:\n"
    "  rsr.exccause a2\n"
    "  rsr.epc1 a3\n"
    "  rsr.excvaddr a4\n"
    "report:\n"
    "  l32r a1, stack_top\n"
    "  l32r a0, fault\n"
    "  jx a0\n"
    "break_fault:\n"
    "  movi a2, " CAUSE_BREAK
    "\n"
    "  rsr.epc2 a3\n"
    "  movi a4, 0\n"
    "  j report\n"
    ".global board_reset\n"
    "board_reset:\n"
    "  l32r a0, base\n"
    "  wsr.vecbase a0\n"
    "  movi a0, 0x21\n" /* user mode, interrupts of level 1 masked */
    "  wsr.ps a0\n"
    "  rsync\n"
    "  l32r a1, stack_top\n"
    "  l32r a0, start\n"
    "  jx a0\n"
    ".end no-transform\n"
    ".text\n");

void board_start(void) {
  const uint32_t *from = board_data_load;

  for (volatile uint32_t *to = board_data_start; to < board_data_end; to++) {
    *to = *from++;
  }
  for (volatile uint32_t *word = board_bss_start; word < board_bss_end; word++) {
    *word = 0;
  }
  board_stack_paint(board_stack_top);
  __asm__ volatile(
      "mov a1, %0\n"
      "jx %1" ::"r"(board_stack_top),
      "r"(board_run)
      : "memory");
  __builtin_unreachable();
}

void board_run(void) { board_exit(main()); }

static uint32_t read_ccount(void) {
  uint32_t now;

  __asm__ volatile("rsr.ccount %0" : "=r"(now));
  return now;
}

void board_init(void) {
  counts = semihosting_counts();
  last = read_ccount();
}

bool board_counts(void) { return counts; }

/* An instruction takes a fixed time in the emulator (its -icount), so a clock counts instructions:
 * BOARD_TICKS ticks of CCOUNT per BOARD_INSTRUCTIONS instructions, or one more or less, since it
 * starts anywhere in a tick. CCOUNT has 32 bits: there must be a call every 1.6 billion. */
uint64_t board_instructions(void) {
  static uint64_t ticks;

  if (!counts) {
    return 0;
  }
  const uint32_t now = read_ccount();
  ticks += now - last;
  last = now;
  return (ticks * BOARD_INSTRUCTIONS + BOARD_TICKS / 2) / BOARD_TICKS;
}

void board_fault(uint32_t cause, uint32_t pc, uint32_t value) {
  enum { ILLEGAL = 0, FETCH = 2, ACCESS = 3, ALIGNMENT = 9, BREAK = 64 };
  enum { FETCH_DATA = 12, ACCESS_DATA = 13, FETCH_ADDRESS = 14, ACCESS_ADDRESS = 15 };
  const bool no_memory =
      cause == FETCH || cause == ACCESS || (cause >= FETCH_DATA && cause <= ACCESS_ADDRESS);
  const uint32_t below = (uint32_t)(uintptr_t)board_stack_bottom - value;

  board_print("board fault: ");
  if (no_memory && below <= GUARD_BYTES) { /* nothing is below RAM */
    board_print("stack overflow");
  } else if (no_memory) {
    board_print("no memory at ");
    board_print_hex(value);
  } else if (cause == ILLEGAL || cause == BREAK) {
    board_print("not an instruction of this core");
  } else if (cause == ALIGNMENT) {
    board_print("unaligned access");
  } else {
    board_print("cause ");
    board_print_hex(cause);
  }
  board_print(", pc ");
  board_print_hex(pc);
  board_print("\n");
  board_exit(FAULT_STATUS);
}
