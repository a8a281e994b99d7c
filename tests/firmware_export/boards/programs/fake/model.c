/* SPDX-License-Identifier: Apache-2.0 */
/* FAKE: output i is the sum of the inputs i, i + 3, i + 6, ..., cut to int8. */
#include "model.h"

/* As a real model may, it uses the input's memory for something else while it runs. */
static int8_t input[MODEL_INPUT_SIZE], output[MODEL_OUTPUT_SIZE];

int8_t *model_input(void) { return input; }

void model_invoke(void) {
  for (int i = 0; i < MODEL_OUTPUT_SIZE; i++) {
    int sum = 0;
    for (int j = i; j < MODEL_INPUT_SIZE; j += MODEL_OUTPUT_SIZE) {
      sum += input[j];
      input[j] = 0x55;
    }
    output[i] = (int8_t)(sum < -128 ? -128 : sum > 127 ? 127 : sum);
  }
}

const int8_t *model_output(void) { return output; }
