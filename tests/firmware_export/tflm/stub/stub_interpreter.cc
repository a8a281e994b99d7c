// SPDX-License-Identifier: Apache-2.0
// Stub for tests, see README.md: not TensorFlow Lite Micro.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace {

size_t Setting(const char *name, size_t otherwise) {
  const char *text = getenv(name);
  return text != nullptr ? static_cast<size_t>(strtoul(text, nullptr, 10)) : otherwise;
}

}  // namespace

namespace tflite {

uint32_t Model::version() const { return static_cast<uint32_t>(Setting("STUB_SCHEMA", 3)); }

const Model *GetModel(const void *buf) { return static_cast<const Model *>(buf); }

MicroInterpreter::MicroInterpreter(const Model *model, const MicroOpResolver &op_resolver,
                                   uint8_t *tensor_arena, size_t tensor_arena_size)
    : arena_(tensor_arena), arena_size_(tensor_arena_size), input_(), output_() {
  if (reinterpret_cast<uintptr_t>(model) % 16 != 0) abort();
  if (reinterpret_cast<uintptr_t>(tensor_arena) % 16 != 0) abort();
  if (getenv("STUB_TRACE") == nullptr) return;
  printf("resolver %u:", op_resolver.capacity());
  for (unsigned int i = 0; i < op_resolver.size(); ++i) printf(" %s", op_resolver.name(i));
  printf("\n");
}

TfLiteStatus MicroInterpreter::AllocateTensors() {
  const size_t needed = MODEL_INPUT_BYTES + MODEL_OUTPUT_BYTES;
  if (arena_size_ < Setting("STUB_NEEDS_ARENA", needed)) return kTfLiteError;
  input_.type = output_.type = kTfLiteInt8;
  input_.bytes = Setting("STUB_INPUT_BYTES", MODEL_INPUT_BYTES);
  output_.bytes = MODEL_OUTPUT_BYTES;
  input_.data.data = arena_;
  output_.data.data = arena_ + MODEL_INPUT_BYTES;
  return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Invoke() {
  if (getenv("STUB_INVOKE") != nullptr) return kTfLiteError;
  for (int clip = 0; clip < GOLDEN_CLIPS; ++clip) {
    if (memcmp(input_.data.int8, golden_features[clip], MODEL_INPUT_BYTES) != 0) continue;
    memcpy(output_.data.int8, golden_logits[clip], MODEL_OUTPUT_BYTES);
    const size_t flips = clip == 0 ? Setting("STUB_FLIP", 0) : 0;
    for (size_t i = 0; i < flips; ++i) output_.data.int8[i] ^= 1;
    // As with the real interpreter, the input does not survive.
    memset(input_.data.int8, 0x55, MODEL_INPUT_BYTES);
    return kTfLiteOk;
  }
  return kTfLiteError;
}

TfLiteTensor *MicroInterpreter::input(size_t index) { return index == 0 ? &input_ : nullptr; }

TfLiteTensor *MicroInterpreter::output(size_t index) { return index == 0 ? &output_ : nullptr; }

size_t MicroInterpreter::arena_used_bytes() const { return MODEL_INPUT_BYTES + MODEL_OUTPUT_BYTES; }

}  // namespace tflite
