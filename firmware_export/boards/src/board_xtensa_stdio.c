/* SPDX-License-Identifier: Apache-2.0 */
/* The C library of the Xtensa board; see xtensa/stdio.h. */
#include <stdarg.h>
#include <stdio.h>

typedef struct {
  char *text;
  size_t size, used; /* `used` also counts what had no room */
} out_t;

static void put(out_t *out, char letter) {
  if (out->used + 1 < out->size) out->text[out->used] = letter;
  out->used++;
}

static void put_text(out_t *out, const char *text, int most) {
  for (int i = 0; i != most && text[i] != '\0'; i++) {
    put(out, text[i]);
  }
}

static void put_unsigned(out_t *out, unsigned long value) {
  char digits[3 * sizeof value]; /* more than its decimal digits */
  size_t count = 0;

  do {
    digits[count++] = (char)('0' + value % 10u);
    value /= 10u;
  } while (value != 0);
  while (count > 0) {
    put(out, digits[--count]);
  }
}

static void put_signed(out_t *out, long value) {
  if (value < 0) put(out, '-');
  put_unsigned(out, value < 0 ? 0ul - (unsigned long)value : (unsigned long)value);
}

int snprintf(char *restrict text, size_t size, const char *restrict format, ...) {
  out_t out = {text, size, 0};
  va_list values;

  va_start(values, format);
  for (const char *at = format; *at != '\0'; at++) {
    if (*at != '%') {
      put(&out, *at);
      continue;
    }
    int most = -1;
    if (at[1] == '.' && at[2] == '*') {
      most = va_arg(values, int);
      at += 2;
    }
    const int is_long = at[1] == 'l';
    at += is_long ? 2 : 1;
    switch (*at) {
      case 'd':
        put_signed(&out, is_long ? va_arg(values, long) : va_arg(values, int));
        break;
      case 'u':
        put_unsigned(&out, is_long ? va_arg(values, unsigned long) : va_arg(values, unsigned));
        break;
      case 's':
        put_text(&out, va_arg(values, const char *), most);
        break;
      default:
        put(&out, *at);
    }
  }
  va_end(values);
  if (size > 0) text[out.used < size ? out.used : size - 1] = '\0';
  return (int)out.used;
}
