/* SPDX-License-Identifier: Apache-2.0 */
/* Stub of what pioasm makes of i2s_microphone.pio: see README.md. */
#ifndef I2S_MICROPHONE_PIO_H
#define I2S_MICROPHONE_PIO_H

#include "hardware/pio.h"

extern const pio_program_t i2s_microphone_program;
pio_sm_config i2s_microphone_program_get_default_config(uint offset);

#endif
