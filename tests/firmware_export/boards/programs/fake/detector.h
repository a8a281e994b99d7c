/* SPDX-License-Identifier: Apache-2.0 */
/* FAKE, for tests of the clip program: the interface of the detector. */
#ifndef DETECTOR_H_
#define DETECTOR_H_

#include <stdint.h>

#define DETECTOR_CLASSES 3

typedef struct {
  int calls;
} detector_t;

void detector_reset(detector_t *detector);
int detector_push(detector_t *detector, const int8_t logits[DETECTOR_CLASSES], uint16_t *score);

#endif
