/* SPDX-License-Identifier: Apache-2.0 */
/* FAKE: output i is the sum of inputs i, i + 3, ... of all frames since the reset, cut to int8. */
#include "model.h"

#include <string.h>

/* As a real model may, it uses the input's memory for something else while it runs. */
static int8_t input[MODEL_INPUT_SIZE], output[MODEL_OUTPUT_SIZE];
static int32_t sums[MODEL_OUTPUT_SIZE];

int8_t *model_input(void) { return input; }

void model_reset(void) { memset(sums, 0, sizeof sums); }

void model_invoke(void) {
  for (int j = 0; j < MODEL_INPUT_SIZE; j++) {
    sums[j % MODEL_OUTPUT_SIZE] += input[j];
    input[j] = 0x55;
  }
  for (int i = 0; i < MODEL_OUTPUT_SIZE; i++) {
    output[i] = (int8_t)(sums[i] < -128 ? -128 : sums[i] > 127 ? 127 : sums[i]);
  }
}

const int8_t *model_output(void) { return output; }
