/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef ESP_CPU_H
#define ESP_CPU_H

#include <stdint.h>

uint32_t esp_cpu_get_cycle_count(void);

#endif
