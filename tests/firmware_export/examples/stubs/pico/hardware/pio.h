/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef PIO_H
#define PIO_H

#include "pico/stdlib.h"

typedef volatile uint32_t io_ro_32;
typedef struct {
  io_ro_32 rxf[4];
} pio_hw_t;
typedef pio_hw_t *PIO;
extern pio_hw_t stub_pio0;
#define pio0 (&stub_pio0)

typedef struct {
  uint32_t clkdiv, execctrl, shiftctrl, pinctrl;
} pio_sm_config;
typedef struct {
  const uint16_t *instructions;
  uint8_t length;
} pio_program_t;
enum pio_fifo_join { PIO_FIFO_JOIN_NONE, PIO_FIFO_JOIN_TX, PIO_FIFO_JOIN_RX };

int pio_claim_unused_sm(PIO pio, bool required);
uint pio_add_program(PIO pio, const pio_program_t *program);
void pio_gpio_init(PIO pio, uint pin);
int pio_sm_set_consecutive_pindirs(PIO pio, uint sm, uint pin_base, uint count, bool is_out);
void sm_config_set_in_pins(pio_sm_config *c, uint in_base);
void sm_config_set_sideset_pins(pio_sm_config *c, uint sideset_base);
void sm_config_set_in_shift(pio_sm_config *c, bool shift_right, bool autopush, uint threshold);
void sm_config_set_fifo_join(pio_sm_config *c, enum pio_fifo_join join);
void sm_config_set_clkdiv(pio_sm_config *c, float div);
int pio_sm_init(PIO pio, uint sm, uint initial_pc, const pio_sm_config *config);
void pio_sm_set_enabled(PIO pio, uint sm, bool enabled);
uint pio_get_dreq(PIO pio, uint sm, bool is_tx);

#endif
