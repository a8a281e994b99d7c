/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef PRINTK_H
#define PRINTK_H

__attribute__((format(printf, 1, 2))) void printk(const char *format, ...);

#endif
