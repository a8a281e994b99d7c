/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef ESP_ATTR_H
#define ESP_ATTR_H

#define IRAM_ATTR __attribute__((section(".iram1")))
#define DRAM_ATTR __attribute__((section(".dram1")))

#endif
