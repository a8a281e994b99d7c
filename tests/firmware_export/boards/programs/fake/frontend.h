/* SPDX-License-Identifier: Apache-2.0 */
/* FAKE, for tests of the clip program: the interface of the front-end, and no spectrum. */
#ifndef FRONTEND_H_
#define FRONTEND_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRONTEND_HOP 8
#define FRONTEND_BANDS 4
#define FRONTEND_FRAMES 5
#define FRONTEND_WARM_UP 0

typedef int8_t frontend_feature_t;

typedef struct {
  int16_t pcm[FRONTEND_HOP];
  size_t missing;
} frontend_t;

void frontend_reset(frontend_t *frontend);
size_t frontend_push(frontend_t *frontend, const int16_t *pcm, size_t samples,
                     int8_t frame[FRONTEND_BANDS], bool *ready);

typedef struct {
  int8_t frames[FRONTEND_FRAMES][FRONTEND_BANDS];
} feature_window_t;

void feature_window_reset(feature_window_t *window);
void feature_window_push(feature_window_t *window, const int8_t frame[FRONTEND_BANDS]);
void feature_window_read(const feature_window_t *window, int8_t *model_input);

#endif
