/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef PDM_H
#define PDM_H

#include <stddef.h>

class PDMClass {
 public:
  int begin(int channels, int sampleRate);
  int available();
  int read(void *buffer, size_t size);
  void onReceive(void (*callback)(void));
  void setBufferSize(int bufferSize);
};

extern PDMClass PDM;

#endif
