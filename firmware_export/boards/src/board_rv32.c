/* SPDX-License-Identifier: Apache-2.0 */
/* Start, faults and instruction counter of the RISC-V board. */
#include "board.h"
#include "board_stack.h"
#include "semihosting.h"

/* Control registers are a separate extension (Zicsr), and the compiler has no libraries for
 * rv32imac with it: it is enabled only where it is used. */
#define CSR(text) ".option push\n .option arch, +zicsr\n " text "\n .option pop"
#define READ_FAULT CSR("csrr a0, mcause\n csrr a1, mepc\n csrr a2, mtval")

enum { FAULT_STATUS = 99, GUARD_BYTES = 64 * 1024 };

extern uint32_t board_data_load[], board_data_start[], board_data_end[];
extern uint32_t board_bss_start[], board_bss_end[];

int main(void);
void board_reset(void) __attribute__((noreturn));
void board_start(void) __attribute__((noreturn, used));
void board_run(void) __attribute__((noreturn, used));
void board_fault(uint32_t cause, uint32_t pc, uint32_t value) __attribute__((noreturn, used));

static bool counts;

/* The first instruction in flash. Linker relaxation needs gp, so it must not be used to set it. */
__attribute__((naked, section(".board_start"))) void board_reset(void) {
  __asm__ volatile(
      ".option push\n"
      ".option norelax\n"
      "la gp, __global_pointer$\n"
      ".option pop\n"
      "la sp, board_handler_stack_top\n"
      "j board_start");
}

__attribute__((naked, aligned(4))) static void fault(void) {
  __asm__ volatile("la sp, board_handler_stack_top\n" READ_FAULT "\n j board_fault");
}

/* Makes the memory below the stack inaccessible, as it exists in the emulator. */
static void guard_stack(void) {
  const uint32_t guard = (uint32_t)(uintptr_t)board_stack_bottom - GUARD_BYTES;
  const uint32_t region = guard / 4 + GUARD_BYTES / 8 - 1; /* "naturally aligned power of two" */
  const uint32_t no_access = 0x98;                         /* locked, NAPOT, no rights */

  __asm__ volatile(CSR("csrw pmpaddr0, %0\n csrw pmpcfg0, %1")::"r"(region), "r"(no_access));
}

void board_start(void) {
  const uint32_t *from = board_data_load;

  for (volatile uint32_t *to = board_data_start; to < board_data_end; to++) {
    *to = *from++;
  }
  for (volatile uint32_t *word = board_bss_start; word < board_bss_end; word++) {
    *word = 0;
  }
  __asm__ volatile(CSR("csrw mtvec, %0")::"r"(fault));
  guard_stack();
  board_stack_paint(board_stack_top);
  __asm__ volatile(
      "mv sp, %0\n"
      "j board_run" ::"r"(board_stack_top)
      : "memory");
  __builtin_unreachable();
}

void board_run(void) { board_exit(main()); }

void board_init(void) { counts = semihosting_counts(); }

bool board_counts(void) { return counts; }

uint64_t board_instructions(void) {
  uint32_t high, low, again;

  if (!counts) {
    return 0;
  }
  do {
    __asm__ volatile(CSR("csrr %0, minstreth\n csrr %1, minstret\n csrr %2, minstreth")
                     : "=&r"(high), "=&r"(low), "=&r"(again));
  } while (high != again);
  return ((uint64_t)high << 32) | low;
}

void board_fault(uint32_t cause, uint32_t pc, uint32_t value) {
  enum { FETCH = 1, ILLEGAL = 2, BREAKPOINT = 3, LOAD = 5, STORE = 7 };
  const uint32_t below = (uint32_t)(uintptr_t)board_stack_bottom - value;

  board_print("board fault: ");
  if ((cause == LOAD || cause == STORE) && below <= GUARD_BYTES) {
    board_print("stack overflow");
  } else if (cause == LOAD || cause == STORE || cause == FETCH) {
    board_print("no memory at ");
    board_print_hex(value);
  } else if (cause == ILLEGAL || cause == BREAKPOINT) {
    board_print("not an instruction of this core");
  } else {
    board_print("cause ");
    board_print_hex(cause);
  }
  board_print(", pc ");
  board_print_hex(pc);
  board_print("\n");
  board_exit(FAULT_STATUS);
}
