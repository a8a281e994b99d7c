/* SPDX-License-Identifier: Apache-2.0 */
/* Learns a word from TAKES files take0.bin, ..., of 16-bit samples, keeps it, and listens to
 * sound.bin, all in blocks of a DMA buffer's half.
 *
 * Prints "take VERDICT" for each take, "status S" of words_load() and of what came before it, and
 * "word W distance D samples N" for each word. Writes words.bin, the blob, and scores.bin, the
 * score of each word as 64 bits. If there is a file ten.bin, its words are loaded then, and the
 * instructions of each part are printed: for one take, and for sound.bin.
 */
#include <stdint.h>

#include "board.h"
#include "embedder.h"
#include "enroller.h"
#include "model.h"
#include "recogniser.h"
#include "words.h"

#define BLOCK 160
#define STEPS 20

static embedder_t embedder;
static enroller_t enroller;
static recogniser_t recogniser;
static words_t words;
static uint8_t blob[WORDS_BLOB(WORDS_MOST)];
static int16_t pcm[BLOCK];

static void print(const char *name, uint64_t value) {
  board_print(name);
  board_print(" ");
  board_print_unsigned(value);
}

/* Calls what hears with each block of a file; returns the instructions of that, or exits. */
static uint64_t hear(const char *name, void (*what)(size_t samples)) {
  const int file = board_open(name, BOARD_READ);
  uint64_t spent = 0;
  if (file < 0) board_exit(3);
  for (size_t got; (got = board_read(file, pcm, sizeof pcm)) > 0;) {
    const uint64_t before = board_instructions();
    what(got / sizeof *pcm);
    spent += board_instructions() - before;
  }
  board_close(file);
  return spent;
}

static void push_enroller(size_t samples) { enroller_push(&enroller, pcm, samples); }

static void push_embedder(size_t samples) {
  size_t taken = 0;
  while (taken < samples) {
    embedder_event_t event;
    taken += embedder_push(&embedder, pcm + taken, samples - taken, &event);
  }
}

static int scores;
static uint32_t heard;

static void listen(size_t samples) {
  size_t taken = 0;
  while (taken < samples) {
    words_found_t found;
    const size_t now = recogniser_push(&recogniser, pcm + taken, samples - taken, &found);
    taken += now;
    heard += (uint32_t)now;
    if (found.word < 0) continue;
    print("word", (uint64_t)found.word);
    print(" distance", (uint64_t)found.distance);
    print(" samples", heard);
    board_print("\n");
    if (!board_write(scores, &found.score, sizeof found.score)) board_exit(4);
  }
}

static void push_recogniser(size_t samples) {
  size_t taken = 0;
  while (taken < samples) {
    words_found_t found;
    taken += recogniser_push(&recogniser, pcm + taken, samples - taken, &found);
  }
}

static words_status_t learn(void) {
  static char name[] = "take0.bin";
  size_t bytes = 0;
  enroller_begin(&enroller, &embedder);
  for (int take = 0; take < TAKES; ++take) {
    name[4] = (char)('0' + take);
    embedder_reset(&embedder);
    hear(name, push_enroller);
    print("take", (uint64_t)enroller_add_take(&enroller));
    board_print("\n");
  }
  words_reset(&words);
  words_status_t status = enroller_finish(&enroller, &words, "lights");
  if (status == WORDS_OK) status = words_save(&words, blob, sizeof blob, &bytes);
  const int file = board_open("words.bin", BOARD_WRITE);
  if (file < 0 || !board_write(file, blob, bytes) || !board_close(file)) board_exit(5);
  words_reset(&words);
  return status == WORDS_OK ? words_load(&words, blob, bytes) : status;
}

/* Instructions of each part, as name and number. */
static void measure(void) {
  static int8_t frame[MODEL_INPUT_SIZE], logits[MODEL_OUTPUT_SIZE];
  embedder_reset(&embedder);
  enroller_begin(&enroller, &embedder);
  print("enroller", hear("take0.bin", push_enroller));
  const uint64_t before = board_instructions();
  enroller_add_take(&enroller);
  print(" add_take", board_instructions() - before);
  embedder_reset(&embedder);
  print(" embedder", hear("take0.bin", push_embedder));
  embedder_reset(&embedder);
  recogniser_reset(&recogniser, &embedder, &words);
  print(" recogniser", hear("sound.bin", push_recogniser));
  embedder_reset(&embedder);
  print(" heard", hear("sound.bin", push_embedder));
  const uint64_t begin = board_instructions();
  for (int step = 0; step < STEPS; ++step) model_push_frame(frame, logits);
  print(" network", (board_instructions() - begin) / STEPS);
  print(" words_bytes", sizeof words);
  print(" enroller_bytes", sizeof enroller);
  print(" recogniser_bytes", sizeof recogniser);
  print(" embedder_bytes", sizeof embedder - sizeof embedder.frontend);
  board_print("\n");
}

int main(void) {
  board_init();
  print("status", (uint64_t)learn());
  board_print("\n");
  scores = board_open("scores.bin", BOARD_WRITE);
  embedder_reset(&embedder);
  recogniser_reset(&recogniser, &embedder, &words);
  hear("sound.bin", listen);
  if (!board_close(scores)) return 6;
  const int file = board_open("ten.bin", BOARD_READ);
  if (file < 0) return 0;
  const size_t bytes = board_read(file, blob, sizeof blob);
  if (words_load(&words, blob, bytes) != WORDS_OK) return 7;
  measure();
  return 0;
}
