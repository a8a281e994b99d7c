/* SPDX-License-Identifier: Apache-2.0 */
// Stub for tests, see README.md: not TensorFlow Lite Micro.
#ifndef STUB_COMMON_H_
#define STUB_COMMON_H_

#include <stddef.h>
#include <stdint.h>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
enum TfLiteType { kTfLiteFloat32 = 1, kTfLiteInt8 = 9 };

union TfLitePtrUnion {
  int8_t *int8;
  void *data;
};

struct TfLiteTensor {
  TfLitePtrUnion data;
  size_t bytes;
  TfLiteType type;
};

#endif  // STUB_COMMON_H_
