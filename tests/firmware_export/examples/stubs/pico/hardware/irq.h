/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef IRQ_H
#define IRQ_H

#include "pico/stdlib.h"

#define DMA_IRQ_0 11
typedef void (*irq_handler_t)(void);

void irq_set_exclusive_handler(uint num, irq_handler_t handler);
void irq_set_enabled(uint num, bool enabled);

#endif
