/* SPDX-License-Identifier: Apache-2.0 */
/* For the files that make up a board, not for programs. */
#ifndef BOARD_FILES_H
#define BOARD_FILES_H

#include <stdbool.h>

/* Whether board_open() accepts a name. The emulator would open any path of its machine; a program
 * with a wrong name must not reach outside its directory. */
static inline bool board_name_is_plain(const char *name) {
  if (name[0] == '\0' || name[0] == '.') {
    return false;
  }
  for (; *name != '\0'; name++) {
    const bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z');
    const bool digit = *name >= '0' && *name <= '9';
    if (!letter && !digit && *name != '.' && *name != '_' && *name != '-') {
      return false;
    }
  }
  return true;
}

#endif
