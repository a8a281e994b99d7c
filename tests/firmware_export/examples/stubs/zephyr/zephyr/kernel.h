/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define ARG_UNUSED(x) (void)(x)

struct k_mem_slab {
  char *buffer;
  size_t block_size;
  uint32_t blocks;
};

#define K_MEM_SLAB_DEFINE_STATIC(name, size, count, align)                     \
  static char name##_memory[(size) * (count)] __attribute__((aligned(align))); \
  static struct k_mem_slab name = {name##_memory, (size), (count)}

void k_mem_slab_free(struct k_mem_slab *slab, void *memory);
int64_t k_uptime_get(void);

#endif
