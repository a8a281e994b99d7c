/* SPDX-License-Identifier: Apache-2.0 */
// Stub for tests, see README.md: not TensorFlow Lite Micro.
#ifndef STUB_SCHEMA_GENERATED_H_
#define STUB_SCHEMA_GENERATED_H_

#include <stdint.h>

#define TFLITE_SCHEMA_VERSION (3)

namespace tflite {

struct Model {
  uint32_t version() const;
};

const Model *GetModel(const void *buf);

}  // namespace tflite

#endif  // STUB_SCHEMA_GENERATED_H_
