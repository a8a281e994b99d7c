/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVER_H_
#define DRIVER_H_

#include <stddef.h>
#include <stdint.h>

#define MAX_ENDS 16

typedef struct {
  void (*invoke)(void);
  int inputs;
  int8_t *(*input[MAX_ENDS])(void);
  size_t input_size[MAX_ENDS];
  int outputs;
  const int8_t *(*output[MAX_ENDS])(void);
  size_t output_size[MAX_ENDS];
} program_t;

extern const program_t programs[];
extern const int program_count;

#endif
