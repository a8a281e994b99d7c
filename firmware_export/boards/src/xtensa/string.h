/* SPDX-License-Identifier: Apache-2.0 */
/* Only for the Xtensa board, whose compiler comes without a C library: what exported C and the
 * boards' programs use of <string.h>. The functions are in board_xtensa_string.c. */
#ifndef BOARD_XTENSA_STRING_H
#define BOARD_XTENSA_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);

#endif
