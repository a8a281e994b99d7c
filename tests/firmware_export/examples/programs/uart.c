/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input and output over the UART of an emulated board (CMSDK UART 0 of mps2-an386): what a
 * user's project does to run main_example.c. */
#include <stddef.h>
#include <stdint.h>

#define UART ((volatile uint32_t *)0x40004000u)
enum { DATA = 0, STATE = 1, CONTROL = 2, DIVIDER = 4 };
enum { SEND_FULL = 1, RECEIVED = 2, ENABLE_BOTH = 3 };

int _read(int file, char *bytes, int count);
int _write(int file, const char *bytes, int count);
void *_sbrk(int bytes);
int _close(int file);
int _fstat(int file, void *status);
int _isatty(int file);
int _lseek(int file, int offset, int from);

static void enable(void) {
  UART[DIVIDER] = 16;
  UART[CONTROL] = ENABLE_BOTH;
}

int _read(int file, char *bytes, int count) {
  (void)file;
  enable();
  if (count <= 0) return 0;
  while ((UART[STATE] & RECEIVED) == 0) {
  }
  bytes[0] = (char)UART[DATA];
  return 1;
}

int _write(int file, const char *bytes, int count) {
  (void)file;
  enable();
  for (int i = 0; i < count; ++i) {
    while (UART[STATE] & SEND_FULL) {
    }
    UART[DATA] = (uint8_t)bytes[i];
  }
  return count;
}

/* No heap: the C library then reads and writes without a buffer. */
void *_sbrk(int bytes) {
  (void)bytes;
  return (void *)-1;
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
