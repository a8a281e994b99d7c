/* SPDX-License-Identifier: Apache-2.0 */
/* FAKE, for tests of the clip program: the interface of an exported streaming model. */
#ifndef MODEL_H_
#define MODEL_H_

#include <stdint.h>

#define MODEL_INPUT_SIZE 4
#define MODEL_OUTPUT_SIZE 3

int8_t *model_input(void);
void model_invoke(void);
void model_reset(void);
const int8_t *model_output(void);

#endif
