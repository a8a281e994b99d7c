/* SPDX-License-Identifier: Apache-2.0 */
/* Start, faults and instruction counter of the Cortex-M boards. */
#include "board.h"
#include "board_stack.h"
#include "semihosting.h"

#define REGISTER(at) (*(volatile uint32_t *)(at))
#define SYST_CSR REGISTER(0xE000E010u) /* SysTick: control */
#define SYST_RVR REGISTER(0xE000E014u) /* reload value */
#define SYST_CVR REGISTER(0xE000E018u) /* current value, counts down */
#define SCB_CCR REGISTER(0xE000ED14u)
#define SCB_CFSR REGISTER(0xE000ED28u)
#define SCB_BFAR REGISTER(0xE000ED38u)
#define SCB_CPACR REGISTER(0xE000ED88u)
#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u)

enum { FAULT_STATUS = 99, GUARD_BYTES = 64 * 1024 };

extern uint32_t board_data_load[], board_data_start[], board_data_end[];
extern uint32_t board_bss_start[], board_bss_end[];

int main(void);
void board_reset(void) __attribute__((noreturn));
void board_fault(const uint32_t *frame) __attribute__((noreturn, used));
void board_run(void) __attribute__((noreturn, used));

static volatile uint32_t wraps;
static bool counts;

static void systick(void) { wraps++; }

/* The registers are on the stack that was in use at the fault; bit 2 of lr says which it was. */
__attribute__((naked)) static void fault(void) {
  __asm__ volatile(
      "tst lr, #4\n"
      "ite eq\n"
      "mrseq r0, msp\n"
      "mrsne r0, psp\n"
      "b board_fault");
}

typedef void (*vector_t)(void);

__attribute__((section(".board_start"), used)) static const struct {
  uint32_t *stack;
  vector_t handler[15];
} vectors = {
    board_handler_stack_top,
    {board_reset, fault, fault, fault, fault, fault, fault, 0, /* NMI to the four kinds of faults */
     0, 0, fault, fault, 0, fault, systick},
};

/* Makes a stack overflow a fault. */
static void guard_stack(void) {
#if __ARM_ARCH >= 8
  __asm__ volatile("msr psplim, %0" ::"r"(board_stack_bottom));
#else
  /* Below RAM, where some emulated machines silently discard writes: region 0, 64 KiB without
   * access; everything else stays as it is without the protection unit. */
  const uint32_t no_access_64k = 15u << 1 | 1u;

  MPU_RBAR = ((uint32_t)(uintptr_t)board_stack_bottom - GUARD_BYTES) | 1u << 4;
  MPU_RASR = no_access_64k;
  MPU_CTRL = 1u << 2 | 1u;
  __asm__ volatile("dsb\n isb" ::: "memory");
#endif
}

void board_reset(void) {
  /* Before any code that may use FPU or MVE: they are coprocessors 10 and 11. */
  SCB_CPACR |= 0xFu << 20;
  __asm__ volatile("dsb\n isb" ::: "memory");

  const uint32_t *from = board_data_load;
  for (volatile uint32_t *to = board_data_start; to < board_data_end; to++) {
    *to = *from++;
  }
  for (volatile uint32_t *word = board_bss_start; word < board_bss_end; word++) {
    *word = 0;
  }
  board_stack_paint(board_stack_top);
  SCB_CCR |= 1u << 4; /* a division by zero is a fault, not 0 */

  guard_stack();
  __asm__ volatile(
      "msr psp, %0\n"
      "movs r0, #2\n" /* the program's stack, privileged */
      "msr control, r0\n"
      "isb\n"
      "b board_run" ::"r"(board_stack_top)
      : "r0", "memory");
  __builtin_unreachable();
}

void board_run(void) { board_exit(main()); }

void board_init(void) {
  counts = semihosting_counts();
  if (!counts) {
    return;
  }
  SYST_RVR = 0xFFFFFFu;
  SYST_CVR = 0;
  SYST_CSR = 7; /* core clock, interrupt, on */
  while (SYST_CVR == 0) {
  }
  wraps = 0;
}

bool board_counts(void) { return counts; }

/* An instruction takes a fixed time in the emulator (its -icount), so a clock counts instructions:
 * BOARD_TICKS ticks of SysTick per BOARD_INSTRUCTIONS instructions. */
uint64_t board_instructions(void) {
  uint32_t high, low;

  if (!counts) {
    return 0;
  }
  do {
    high = wraps;
    low = SYST_CVR;
  } while (high != wraps);
  const uint64_t ticks = ((uint64_t)high << 24) + (0xFFFFFFu - low);
  return ticks * BOARD_INSTRUCTIONS / BOARD_TICKS;
}

void board_fault(const uint32_t *frame) {
  enum {
    IACCVIOL = 1 << 0,
    MSTKERR = 1 << 4,
    MMARVALID = 1 << 7,
    IBUSERR = 1 << 8,
    STKERR = 1 << 12,
    BFARVALID = 1 << 15,
    UNDEFINSTR = 1 << 16,
    INVSTATE = 1 << 17,
    NOCP = 1 << 19,
    STKOF = 1 << 20,
    UNALIGNED = 1 << 24,
    DIVBYZERO = 1 << 25,
    FRAME_LOST = STKOF | STKERR | MSTKERR /* the registers did not fit on the stack */
  };
  const uint32_t why = SCB_CFSR;

  board_print("board fault: ");
  if (why & (FRAME_LOST | MMARVALID)) { /* the guard is the only protected memory */
    board_print("stack overflow");
  } else if (why & DIVBYZERO) {
    board_print("division by zero");
  } else if (why & UNALIGNED) {
    board_print("unaligned access");
  } else if (why & BFARVALID) {
    board_print("no memory at ");
    board_print_hex(SCB_BFAR);
  } else if (why & (UNDEFINSTR | INVSTATE | NOCP | IACCVIOL | IBUSERR)) {
    board_print("not an instruction of this core");
  } else {
    board_print("status ");
    board_print_hex(why);
  }
  if (!(why & FRAME_LOST)) {
    board_print(", pc ");
    board_print_hex(frame[6]);
  }
  board_print("\n");
  board_exit(FAULT_STATUS);
}
