/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef CLOCKS_H
#define CLOCKS_H

#include <stdint.h>

enum clock_index { clk_ref, clk_sys };
uint32_t clock_get_hz(enum clock_index clock);

#endif
