/* SPDX-License-Identifier: Apache-2.0 */
/* FAKE: band i of a frame is the high byte of the hop's sample 2 i; frame 0 is silence. */
#include "frontend.h"

#include <string.h>

void frontend_reset(frontend_t *frontend) { memset(frontend, 0, sizeof *frontend); }

size_t frontend_push(frontend_t *frontend, const int16_t *pcm, size_t samples,
                     int8_t frame[FRONTEND_BANDS], bool *ready) {
  const size_t taken = samples < frontend->missing ? samples : frontend->missing;
  if (taken > 0) {
    memcpy(&frontend->pcm[FRONTEND_HOP - frontend->missing], pcm, taken * sizeof *pcm);
    frontend->missing -= taken;
  }
  *ready = frontend->missing == 0;
  if (*ready) {
    for (int i = 0; i < FRONTEND_BANDS; i++) {
      frame[i] = (int8_t)(frontend->pcm[2 * i] / 256);
    }
    frontend->missing = FRONTEND_HOP;
  }
  return taken;
}

void feature_window_reset(feature_window_t *window) { memset(window, 0, sizeof *window); }

void feature_window_push(feature_window_t *window, const int8_t frame[FRONTEND_BANDS]) {
  memmove(window->frames[0], window->frames[1], (FRONTEND_FRAMES - 1) * FRONTEND_BANDS);
  memcpy(window->frames[FRONTEND_FRAMES - 1], frame, FRONTEND_BANDS);
}

void feature_window_read(const feature_window_t *window, int8_t *model_input) {
  for (int band = 0; band < FRONTEND_BANDS; band++) {
    for (int t = 0; t < FRONTEND_FRAMES; t++) {
      *model_input++ = window->frames[t][band];
    }
  }
}
