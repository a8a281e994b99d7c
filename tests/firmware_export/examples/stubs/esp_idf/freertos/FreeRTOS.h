/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef FREERTOS_H
#define FREERTOS_H

#include <stdint.h>

#define portMAX_DELAY UINT32_MAX

#endif
