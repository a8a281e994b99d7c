/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the exported model on a file of clips: the same program on the host and on every board.
 *
 * Reads clips.bin: a header of seven 32-bit numbers, then the clips, all little-endian.
 *   magic     0x31504C43, "CLP1"
 *   mode      0: a clip is the model's input, any number of frames for a streaming model;
 *             1: a clip is 16-bit PCM
 *   clips     number of clips
 *   bytes     bytes per clip
 *   block     mode 1: samples per push to the front-end, 1 to CLIPS_BLOCK
 *   every     mode 1: frames from one inference to the next, from the first full window on;
 *             0: one inference at the end of each clip. A streaming model processes every frame,
 *             in both modes, and this is the number of frames from one record to the next
 *   extra     written before the logits: 0 nothing, 1 CRC-32 of the model's input, 2 that input
 *
 * Writes logits.bin, one record per inference: `extra`; the logits; with a detector the
 * detected class or -1 and the score, 16 bits each. Front-end and detector are reset before each
 * clip; a model that keeps variables is not. The last line on the console is key=value pairs: what
 * was done, instructions per call of each stage (0 if they are not counted), the stack. Exit status
 * 2 after a line "error: ..."
 * if the file is not as above.
 *
 * CLIPS_FRONTEND and CLIPS_DETECTOR are 1 if the exported folder has them, else 0; so is
 * CLIPS_STREAMING for a streaming model.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "model.h"

#if CLIPS_FRONTEND
#include "frontend.h"
#endif
#if CLIPS_DETECTOR
#include "detector.h"
#endif

#define CLIPS_MAGIC 0x31504C43u
#define CLIPS_BLOCK 512

/* Of any type. */
#define INPUT_BYTES ((uint32_t)(MODEL_INPUT_SIZE * sizeof *model_input()))
#define OUTPUT_BYTES ((uint32_t)(MODEL_OUTPUT_SIZE * sizeof *model_output()))

enum { MODE_FEATURES, MODE_WAVEFORM };
enum { EXTRA_NOTHING, EXTRA_CRC, EXTRA_INPUT };

typedef struct {
  uint32_t magic, mode, clips, bytes, block, every, extra;
} header_t;

/* Instruction counts over the calls of one function. */
typedef struct {
  uint32_t calls;
  uint64_t first, second, least, most, sum;
} figures_t;

static header_t header;
static int clips_file, logits_file;
static uint32_t records;
static uint64_t own_count; /* of two calls of board_instructions() in a row */
static figures_t invoke_figures;

#if CLIPS_FRONTEND
static frontend_t frontend;
static int16_t block_pcm[CLIPS_BLOCK];
static figures_t frontend_figures, window_figures;
#if !CLIPS_STREAMING
static feature_window_t window;
#endif
#endif

#if CLIPS_DETECTOR
static detector_t detector;
static figures_t detector_figures;
#endif

static void fail(const char *what) {
  board_print("error: ");
  board_print(what);
  board_print("\n");
  board_exit(2);
}

static void read_all(void *bytes, size_t size) {
  if (board_read(clips_file, bytes, size) != size) {
    fail("clips.bin ends early; write it again");
  }
}

static void write_all(const void *bytes, size_t size) {
  if (!board_write(logits_file, bytes, size)) {
    fail("logits.bin cannot be written; make room on the disk");
  }
}

/* Instructions since `start`, without those of the measurement. */
static uint64_t instructions_since(uint64_t start) {
  const uint64_t passed = board_instructions() - start;
  return passed > own_count ? passed - own_count : 0;
}

static void add_figure(figures_t *figures, uint64_t count) {
  if (figures->calls == 0) {
    figures->first = count;
  } else if (figures->calls == 1) {
    figures->second = count;
  }
  if (figures->calls == 0 || count < figures->least) {
    figures->least = count;
  }
  if (count > figures->most) {
    figures->most = count;
  }
  figures->sum += count;
  figures->calls++;
}

static uint32_t crc32_of(const void *start, size_t size) {
  const uint8_t *const bytes = start;
  uint32_t crc = 0xFFFFFFFFu;

  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) {
      crc = (crc >> 1) ^ (crc & 1u ? 0xEDB88320u : 0u);
    }
  }
  return ~crc;
}

static void write_number(uint32_t value, size_t size) {
  uint8_t bytes[4];

  for (size_t i = 0; i < size; i++) {
    bytes[i] = (uint8_t)(value >> (8 * i));
  }
  write_all(bytes, size);
}

/* Runs one inference on model_input(), and writes its record if it has one. */
static void infer(bool is_recorded) {
  /* Before the inference, which may reuse the input's memory. */
  if (is_recorded && header.extra == EXTRA_CRC) {
    write_number(crc32_of(model_input(), INPUT_BYTES), 4);
  } else if (is_recorded && header.extra == EXTRA_INPUT) {
    write_all(model_input(), INPUT_BYTES);
  }

  const uint64_t invoked = board_instructions();
  model_invoke();
  add_figure(&invoke_figures, instructions_since(invoked));

#if CLIPS_DETECTOR
  uint16_t score = 0;
  const uint64_t pushed = board_instructions();
  const int detected = detector_push(&detector, model_output(), &score);
  add_figure(&detector_figures, instructions_since(pushed));
#endif
  if (!is_recorded) {
    return;
  }
  write_all(model_output(), OUTPUT_BYTES);
#if CLIPS_DETECTOR
  write_number((uint32_t)detected, 2);
  write_number(score, 2);
#endif
  records++;
}

#if CLIPS_STREAMING
/* Runs on the frame in model_input(), the number-th of its clip. */
static void infer_frame(uint32_t number, bool is_last) {
  infer(header.every == 0 ? is_last : number % header.every == 0);
}
#endif

#if CLIPS_FRONTEND
#if CLIPS_STREAMING
static void keep_frame(const int8_t *frame) { memcpy(model_input(), frame, FRONTEND_BANDS); }
#else
static void infer_from_window(void) {
  const uint64_t start = board_instructions();
  feature_window_read(&window, model_input());
  add_figure(&window_figures, instructions_since(start));
  infer(true);
}

static void keep_frame(const frontend_feature_t *frame) { feature_window_push(&window, frame); }

/* After the number-th frame of a clip. */
static void infer_frame(uint32_t number, bool is_last) {
  if (header.every == 0 ? is_last
                        : number >= FRONTEND_WARM_UP + FRONTEND_FRAMES &&
                              (number - FRONTEND_WARM_UP - FRONTEND_FRAMES) % header.every == 0) {
    infer_from_window();
  }
}
#endif

static void run_waveform(void) {
  uint32_t left = header.bytes / sizeof(int16_t);
  const uint32_t all_frames = 1 + left / FRONTEND_HOP; /* see frontend_push() */
  uint32_t frames = 0;
  uint64_t spent = 0; /* on the next frame, which may take several pushes */

  frontend_reset(&frontend);
#if !CLIPS_STREAMING
  feature_window_reset(&window);
#endif
  while (left > 0) {
    size_t samples = left < header.block ? left : header.block;
    const int16_t *pcm = block_pcm;

    read_all(block_pcm, samples * sizeof *block_pcm);
    left -= (uint32_t)samples;
    while (samples > 0) {
      frontend_feature_t frame[FRONTEND_BANDS];
      bool ready = false;
      const uint64_t start = board_instructions();
      const size_t taken = frontend_push(&frontend, pcm, samples, frame, &ready);
      if (ready) {
        keep_frame(frame);
      }
      spent += instructions_since(start);
      pcm += taken;
      samples -= taken;
      if (ready) {
        add_figure(&frontend_figures, spent);
        spent = 0;
        frames++;
        infer_frame(frames, frames == all_frames);
      }
    }
  }
}
#endif

static void run_clip(void) {
#if CLIPS_DETECTOR
  detector_reset(&detector);
#endif
#if CLIPS_STREAMING
  model_reset();
#endif
#if CLIPS_FRONTEND
  if (header.mode == MODE_WAVEFORM) {
    run_waveform();
    return;
  }
#endif
#if CLIPS_STREAMING
  const uint32_t frames = header.bytes / INPUT_BYTES;
  for (uint32_t number = 1; number <= frames; number++) {
    read_all(model_input(), INPUT_BYTES);
    infer_frame(number, number == frames);
  }
#else
  read_all(model_input(), INPUT_BYTES);
  infer(true);
#endif
}

static void check_header(void) {
  if (header.magic != CLIPS_MAGIC || header.extra > EXTRA_INPUT) {
    fail("clips.bin has another format; write it with this version");
  }
  if (header.mode == MODE_FEATURES &&
      (CLIPS_STREAMING ? header.bytes == 0 || header.bytes % INPUT_BYTES != 0
                       : header.bytes != INPUT_BYTES)) {
    fail("clips in clips.bin do not match the model's input size; compute them for this model");
  }
  if (header.mode == MODE_WAVEFORM && !CLIPS_FRONTEND) {
    fail("clips.bin has sound, but the program has no front-end; export one with the model");
  }
  if (header.mode == MODE_WAVEFORM &&
      (header.block == 0 || header.block > CLIPS_BLOCK || header.bytes % sizeof(int16_t) != 0)) {
    fail("clips.bin has an odd number of bytes per clip, or blocks that are empty or too long");
  }
  if (header.mode > MODE_WAVEFORM) {
    fail("clips.bin has neither features nor sound; write it with this version");
  }
}

static void print_value(const char *key, uint64_t value) {
  board_print(key);
  board_print("=");
  board_print_unsigned(value);
  board_print(" ");
}

static void print_figures(const char *what, const figures_t *figures) {
  const struct {
    const char *key;
    uint64_t value;
  } lines[] = {
      {"_calls", figures->calls},
      {"_first", figures->first},
      {"_second", figures->second},
      {"_min", figures->least},
      {"_mean", figures->calls == 0 ? 0 : figures->sum / figures->calls},
      {"_max", figures->most},
  };

  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    board_print(what);
    print_value(lines[i].key, lines[i].value);
  }
}

static void print_results(void) {
  print_value("clips", header.clips);
  print_value("records", records);
  print_value("inputs", INPUT_BYTES);
  print_value("outputs", OUTPUT_BYTES);
  print_value("detector", CLIPS_DETECTOR);
  print_value("counted", board_counts());
  print_figures("invoke", &invoke_figures);
#if CLIPS_FRONTEND
  print_figures("frontend", &frontend_figures);
  print_figures("window", &window_figures);
#endif
#if CLIPS_DETECTOR
  print_figures("detector", &detector_figures);
#endif
  print_value("stack", board_stack_used());
  board_print("\n");
}

int main(void) {
  board_init();
  const uint64_t start = board_instructions();
  own_count = board_instructions() - start;

  clips_file = board_open("clips.bin", BOARD_READ);
  logits_file = board_open("logits.bin", BOARD_WRITE);
  if (clips_file < 0 || logits_file < 0) {
    fail("clips.bin cannot be read, or logits.bin cannot be made, in the working directory");
  }
  /* All targets are little-endian, like the file. */
  read_all(&header, sizeof header);
  check_header();
  for (uint32_t i = 0; i < header.clips; i++) {
    run_clip();
  }
  if (!board_close(logits_file)) {
    fail("logits.bin cannot be written; make room on the disk");
  }
  print_results();
  return 0;
}
