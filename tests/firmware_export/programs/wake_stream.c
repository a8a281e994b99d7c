/* SPDX-License-Identifier: Apache-2.0 */
/* Listens to the 16-bit samples in sound.bin as a firmware does, in blocks of a DMA buffer's half.
 *
 * Prints "word sample" for each detection: the class and how many samples have been taken. Writes
 * heard.bin: after each block the logits of the last frame, and the detector's score of each class.
 */
#include <stdint.h>

#include "board.h"
#include "detector.h"
#include "model.h"
#include "spotter.h"

#define BLOCK 160 /* the hop: one frame per block */

static spotter_t spotter;

static void hear(const int16_t *pcm, size_t samples, uint32_t *heard) {
  while (samples > 0) {
    int detected = -1;
    uint16_t score = 0;
    const size_t taken = spotter_push(&spotter, pcm, samples, &detected, &score);
    pcm += taken;
    samples -= taken;
    *heard += (uint32_t)taken;
    if (detected >= 0) {
      board_print_unsigned((unsigned)detected);
      board_print(" ");
      board_print_unsigned(*heard);
      board_print("\n");
    }
  }
}

static bool write_record(int file) {
  uint8_t record[3 * MODEL_OUTPUT_SIZE];
  for (int i = 0; i < MODEL_OUTPUT_SIZE; ++i) {
    const uint16_t score = detector_score(&spotter.detector, i);
    record[i] = (uint8_t)model_output()[i];
    record[MODEL_OUTPUT_SIZE + 2 * i] = (uint8_t)score;
    record[MODEL_OUTPUT_SIZE + 2 * i + 1] = (uint8_t)(score >> 8);
  }
  return board_write(file, record, sizeof record);
}

int main(void) {
  static int16_t pcm[BLOCK];
  uint32_t heard = 0;

  board_init();
  const int sound = board_open("sound.bin", BOARD_READ);
  const int out = board_open("heard.bin", BOARD_WRITE);
  if (sound < 0 || out < 0) return 2;
  spotter_reset(&spotter);
  for (size_t got; (got = board_read(sound, pcm, sizeof pcm)) > 0;) {
    hear(pcm, got / sizeof *pcm, &heard);
    if (!write_record(out)) return 2;
  }
  return board_close(out) ? 0 : 2;
}
