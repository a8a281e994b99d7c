/* SPDX-License-Identifier: Apache-2.0 */
/* FAKE: detects class 1 in every second call since the reset; the score is logit 0 plus 1000. */
#include "detector.h"

void detector_reset(detector_t *detector) { detector->calls = 0; }

int detector_push(detector_t *detector, const int8_t logits[DETECTOR_CLASSES], uint16_t *score) {
  *score = (uint16_t)(logits[0] + 1000);
  return ++detector->calls % 2 == 0 ? 1 : -1;
}
