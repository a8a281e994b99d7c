/* SPDX-License-Identifier: Apache-2.0 */
/* Only for the Xtensa board, as string.h: what an exported self-test uses of <stdio.h>. */
#ifndef BOARD_XTENSA_STDIO_H
#define BOARD_XTENSA_STDIO_H

#include <stddef.h>

/* Conversions: %d, %ld, %u, %lu, %s, %.*s and %%, without flags and widths. */
int snprintf(char *restrict text, size_t size, const char *restrict format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
