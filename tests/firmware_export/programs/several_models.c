/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three models in one firmware, in turn: their self-tests, and with EXTERNAL two streams of one
 * model side by side, and two models on one buffer. Prints how many bytes differ.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "lamp_self_test.h"
#include "rooms_self_test.h"
#include "words_self_test.h"

/* Boards have no stdio. */
int snprintf(char *to, size_t size, const char *format, ...) {
  (void)format;
  if (size > 0) *to = '\0';
  return 0;
}

static void count_line(void *context, const char *line) {
  (void)line;
  ++*(int *)context;
}

#ifdef EXTERNAL
#include "lamp_spotter.h"

#include "lamp_model.h"
#include "rooms_model.h"
#include "words_model.h"

enum { SAMPLES = 20000, BLOCK = 333, STREAMS = 2 };
enum {
  SHARED = WORDS_MODEL_ARENA_SIZE > ROOMS_MODEL_ARENA_SIZE ? WORDS_MODEL_ARENA_SIZE
                                                           : ROOMS_MODEL_ARENA_SIZE
};

/* A stream of sound and what was heard in it. */
typedef struct {
  lamp_spotter_t spotter;
  uint32_t noise, at, heard, detections;
} listener_t;

static LAMP_MODEL_ALIGN_16 int8_t arenas[STREAMS][(LAMP_MODEL_ARENA_SIZE + 15) / 16 * 16];
static LAMP_MODEL_ALIGN_16 int8_t alone_arena[LAMP_MODEL_ARENA_SIZE];
static WORDS_MODEL_ALIGN_16 int8_t shared[SHARED];

static void start(listener_t *listener, int stream, int8_t *arena) {
  memset(listener, 0, sizeof *listener);
  listener->noise = 12345u * (uint32_t)(stream + 1);
  lamp_spotter_reset(&listener->spotter, arena);
}

/* The next samples, as a microphone's DMA writes half a buffer; they are pushed from there. */
static void listen(listener_t *listener, uint32_t samples) {
  static int16_t dma[2][BLOCK];
  static int half;
  uint32_t taken = 0;

  half = !half;
  for (uint32_t i = 0; i < samples; ++i) {
    listener->noise = listener->noise * 1664525u + 1013904223u;
    const int loudness = 64 << ((listener->at + i) / 1600 % 8);
    dma[half][i] = (int16_t)((int)(listener->noise >> 16) % loudness);
  }
  while (taken < samples) {
    int detected;
    uint16_t score;
    taken += (uint32_t)lamp_spotter_push(&listener->spotter, dma[half] + taken, samples - taken,
                                         &detected, &score);
    if (detected >= 0) {
      const uint32_t event = (listener->at + taken) * 31u + (uint32_t)detected;
      listener->heard = (listener->heard ^ event ^ (uint32_t)score << 16) * 16777619u;
      listener->detections++;
    }
  }
  listener->at += samples;
}

/* Streams side by side, in odd blocks, against each alone, a sample at a time. */
static int32_t streams(void) {
  static listener_t together[STREAMS], alone;
  int32_t differences = 0;

  for (int i = 0; i < STREAMS; ++i) start(&together[i], i, arenas[i]);
  while (together[0].at < SAMPLES) {
    const uint32_t left = SAMPLES - together[0].at;
    for (int i = 0; i < STREAMS; ++i) listen(&together[i], left < BLOCK ? left : BLOCK);
  }
  for (int i = 0; i < STREAMS; ++i) {
    start(&alone, i, alone_arena);
    while (alone.at < SAMPLES) listen(&alone, 1);
    differences += alone.heard != together[i].heard;
    differences += alone.detections == 0;
    differences += memcmp(alone_arena, arenas[i], LAMP_MODEL_ARENA_SIZE) != 0;
  }
  return differences + (together[0].heard == together[1].heard);
}

static int32_t lamp(void *lines) { return lamp_self_test_run(arenas[0], count_line, lines); }
static int32_t words(void *lines) { return words_self_test_run(shared, count_line, lines); }
static int32_t rooms(void *lines) { return rooms_self_test_run(shared, count_line, lines); }
#else
static int32_t streams(void) { return 0; }
static int32_t lamp(void *lines) { return lamp_self_test_run(count_line, lines); }
static int32_t words(void *lines) { return words_self_test_run(count_line, lines); }
static int32_t rooms(void *lines) { return rooms_self_test_run(count_line, lines); }
#endif

static void report(const char *what, int32_t number) {
  board_print(what);
  board_print_unsigned((uint64_t)number);
  board_print("\n");
}

int main(void) {
  int lines = 0;

  board_init();
  for (int turn = 0; turn < 2; ++turn) {
    report("lamp ", lamp(&lines));
    report("words ", words(&lines));
    report("rooms ", rooms(&lines));
  }
  report("streams ", streams());
  report("lines ", lines);
  board_exit(0);
}
