/* SPDX-License-Identifier: Apache-2.0 */
/* Runs front-end, model and detector on a stream of sound, on the host.
 *
 * Reads 16-bit PCM from standard input until it ends. For each frame it writes a record to standard
 * output: the int8 logits, the detected class or -1 and the score of the best one, 16 bits each,
 * little-endian. The detector runs from the first whole window on; until then these are -1 and 0.
 * The records of a piece of sound are written before it waits for the next: the reader can compute
 * how many frames a number of samples makes.
 *
 * STREAM_SECOND is 1 if the detector has a second stage, else 0.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "detector.h"
#include "frontend.h"
#include "model.h"

#if STREAM_SECOND
#include "second_stage.h"
#endif

#define STREAM_BLOCK 4096

typedef struct {
  int8_t logits[MODEL_OUTPUT_SIZE];
  uint8_t detected[2], score[2];
} record_t;

static void put(uint8_t *bytes, uint32_t value) {
  bytes[0] = (uint8_t)value;
  bytes[1] = (uint8_t)(value >> 8);
}

static frontend_t frontend;
static detector_t detector;
static uint32_t missing = FRONTEND_FRAMES; /* frames until a whole window has passed */
#if STREAM_SECOND
static second_stage_t second;

/* What the second stage makes of a frame, and of what the detector found with it. */
static int confirm(const int8_t *frame, int hit, uint16_t *score) {
  const int found = second_stage_push(&second, frame, hit, score);
  if (found == SECOND_STAGE_REJECTED) {
    detector_resume(&detector);
  }
  return found < 0 ? -1 : found;
}
#endif

/* Runs on some samples; returns whether the records could be written. */
static bool run(const int16_t *pcm, size_t samples) {
  while (samples > 0) {
    int8_t frame[FRONTEND_BANDS];
    bool ready = false;
    const size_t taken = frontend_push(&frontend, pcm, samples, frame, &ready);
    pcm += taken;
    samples -= taken;
    if (ready) {
      record_t record;
      uint16_t score = 0;
      int detected = -1;
      model_push_frame(frame, record.logits);
      missing -= missing > 0;
      if (missing == 0) {
        detected = detector_push(&detector, record.logits, &score);
      }
#if STREAM_SECOND
      detected = confirm(frame, detected, &score);
#endif
      put(record.detected, (uint32_t)detected);
      put(record.score, score);
      if (fwrite(&record, sizeof record, 1, stdout) != 1) {
        return false;
      }
    }
  }
  return fflush(stdout) == 0;
}

int main(void) {
  static int16_t pcm[STREAM_BLOCK];
  char *const bytes = (char *)pcm;
  size_t filled = 0; /* of `bytes`: a pipe may cut a sample in two */
  ssize_t got;

  frontend_reset(&frontend);
  detector_reset(&detector);
#if STREAM_SECOND
  second_stage_reset(&second);
#endif
  model_reset();
  while ((got = read(STDIN_FILENO, bytes + filled, sizeof pcm - filled)) > 0) {
    filled += (size_t)got;
    const size_t samples = filled / sizeof *pcm;
    if (!run(pcm, samples)) {
      return 1;
    }
    filled -= samples * sizeof *pcm;
    memmove(bytes, bytes + samples * sizeof *pcm, filled);
  }
  return got == 0 ? 0 : 1;
}
