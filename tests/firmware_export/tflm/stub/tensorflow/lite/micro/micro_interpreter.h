/* SPDX-License-Identifier: Apache-2.0 */
// Stub for tests, see README.md: not TensorFlow Lite Micro.
#ifndef STUB_MICRO_INTERPRETER_H_
#define STUB_MICRO_INTERPRETER_H_

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {

class MicroInterpreter {
 public:
  MicroInterpreter(const Model *model, const MicroOpResolver &op_resolver, uint8_t *tensor_arena,
                   size_t tensor_arena_size);
  ~MicroInterpreter() {}

  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor *input(size_t index);
  TfLiteTensor *output(size_t index);
  size_t arena_used_bytes() const;

 private:
  uint8_t *arena_;
  size_t arena_size_;
  TfLiteTensor input_;
  TfLiteTensor output_;
};

}  // namespace tflite

#endif  // STUB_MICRO_INTERPRETER_H_
