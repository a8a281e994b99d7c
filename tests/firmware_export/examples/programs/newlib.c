/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input and output of an emulated board with newlib nano: what a user's project does with
 * its UART to run main_example.c. The emulating machine's file sound.wav comes in, its console is
 * where lines go. At the end it prints a checksum of what getchar() gave: linked with
 * --wrap=getchar and --wrap=board_exit. */
#include <stddef.h>
#include <stdint.h>

#include "board.h"

int _read(int file, char *bytes, int count);
int _write(int file, const char *bytes, int count);
void *_sbrk(ptrdiff_t bytes);
int _close(int file);
int _fstat(int file, void *status);
int _isatty(int file);
int _lseek(int file, int offset, int from);
int __real_getchar(void);
int __wrap_getchar(void);
void __real_board_exit(int status) __attribute__((noreturn));
void __wrap_board_exit(int status) __attribute__((noreturn));

static uint32_t checksum = 2166136261u; /* FNV-1a */

int __wrap_getchar(void) {
  const int byte = __real_getchar();
  if (byte >= 0) checksum = (checksum ^ (uint32_t)byte) * 16777619u;
  return byte;
}

void __wrap_board_exit(int status) {
  board_print_hex(checksum);
  board_print("\n");
  __real_board_exit(status);
}

int _read(int file, char *bytes, int count) {
  static int sound = -1;

  (void)file;
  if (sound < 0) sound = board_open("sound.wav", BOARD_READ);
  return (int)board_read(sound, bytes, (size_t)count);
}

int _write(int file, const char *bytes, int count) {
  (void)file;
  for (int i = 0; i < count; ++i) {
    const char text[2] = {bytes[i], 0};
    board_print(text);
  }
  return count;
}

/* newlib nano allocates stdin, stdout and stderr (436 bytes), then a buffer of 1,032 bytes for each
 * that is used. Without the first it writes them to address 0: over the vectors and the code. */
void *_sbrk(ptrdiff_t bytes) {
  static char heap[4096] __attribute__((aligned(8)));
  static ptrdiff_t used;

  if (bytes < -used || bytes > (ptrdiff_t)sizeof heap - used) return (void *)-1;
  used += bytes;
  return heap + used - bytes;
}

int _close(int file) { return file < 0 ? -1 : 0; }
int _isatty(int file) { return file >= 0; }

int _fstat(int file, void *status) {
  (void)file;
  (void)status;
  return -1;
}

int _lseek(int file, int offset, int from) {
  (void)file;
  (void)offset;
  (void)from;
  return -1;
}
