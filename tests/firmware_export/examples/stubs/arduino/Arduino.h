/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stddef.h>
#include <stdint.h>

class Print {
 public:
  size_t println(const char *text);
};

class Stream : public Print {
 public:
  int available();
  int read();
};

class SerialPort : public Stream {
 public:
  void begin(unsigned long baud);
  explicit operator bool() const;
};

extern SerialPort Serial;

unsigned long millis();
void delay(unsigned long ms);

#endif
