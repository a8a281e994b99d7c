/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef ESP_ERR_H
#define ESP_ERR_H

typedef int esp_err_t;
#define ESP_OK 0

void esp_stub_abort(void);
#define ESP_ERROR_CHECK(x)               \
  do {                                   \
    if ((x) != ESP_OK) esp_stub_abort(); \
  } while (0)

#endif
