/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef STDLIB_H
#define STDLIB_H

#include <stdbool.h>
#include <stdint.h>

typedef unsigned int uint;

bool stdio_init_all(void);
uint32_t time_us_32(void);
void tight_loop_contents(void);

#endif
