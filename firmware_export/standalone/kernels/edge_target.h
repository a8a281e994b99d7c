/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the kernels in this folder are compiled, by what the compiler says of the core.
 *
 * A file of kernels that exist for several cores is inside an #if of one of the macros at the end,
 * so that any compiler can be given all files. The results are the same. -DEDGE_PORTABLE chooses
 * plain C on any core. Models and kernels need the same choice: the order of weights goes by it,
 * and the linker reports another (edge_kernels_version.h).
 */
#ifndef EDGE_TARGET_H
#define EDGE_TARGET_H

#include <limits.h>

/* What this folder has. */
#define EDGE_HAS_PORTABLE 1
#define EDGE_HAS_DSP 1
#define EDGE_HAS_MVE 1

/* Also keeps files that are empty on this core from being empty, which ISO C forbids. */
typedef char edge_bytes_must_have_8_bits[CHAR_BIT == 8 ? 1 : -1];

#if INT_MAX < 0x7FFFFFFF
#error "int has 16 bits on this core, and these kernels need 32"
#endif

#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "this core is big-endian, and these kernels are for little-endian ones"
#endif
#elif defined(__BIG_ENDIAN__) || defined(__BIG_ENDIAN) || defined(__ARM_BIG_ENDIAN)
#error "this core is big-endian, and these kernels are for little-endian ones"
#endif

/* Arm's M cores with DSP instructions (M4, M7, M33) that may read words from any address, and a
 * compiler that takes GCC's assembly. */
#if !defined(EDGE_PORTABLE) && defined(__GNUC__) && defined(__thumb2__) && \
    defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_UNALIGNED)
#define EDGE_CORE_DSP 1
#else
#define EDGE_CORE_DSP 0
#endif

/* Those with vectors of integers (M55, M85). */
#if EDGE_CORE_DSP && defined(__ARM_FEATURE_MVE)
#define EDGE_CORE_MVE 1
#else
#define EDGE_CORE_MVE 0
#endif

/* Arm's smallest cores (M0, M0+, M23) have eight registers for arithmetic: plain C keeps fewer
 * values at a time there. */
#if defined(__thumb__) && !defined(__thumb2__)
#define EDGE_FEW_REGISTERS 1
#else
#define EDGE_FEW_REGISTERS 0
#endif

/* For a loop whose values stay in registers only if nothing around it wants some. */
#if defined(__GNUC__)
#define EDGE_NOINLINE __attribute__((noinline))
#else
#define EDGE_NOINLINE
#endif

#if EDGE_HAS_MVE && EDGE_CORE_MVE
#define EDGE_KERNELS_PORTABLE 0
#define EDGE_KERNELS_DSP 0
#define EDGE_KERNELS_MVE 1
#elif EDGE_HAS_DSP && EDGE_CORE_DSP
#define EDGE_KERNELS_PORTABLE 0
#define EDGE_KERNELS_DSP 1
#define EDGE_KERNELS_MVE 0
#elif EDGE_HAS_PORTABLE
#define EDGE_KERNELS_PORTABLE 1
#define EDGE_KERNELS_DSP 0
#define EDGE_KERNELS_MVE 0
#else
#define EDGE_KERNELS_PORTABLE 0
#define EDGE_KERNELS_DSP 0
#define EDGE_KERNELS_MVE 0
#if EDGE_HAS_MVE
#error "kernels for cores with MVE (-mcpu=cortex-m55): set the core, or export with --target=auto"
#else
#error "kernels for cores with DSP (-mcpu=cortex-m4): set the core, or export with --target=auto"
#endif
#endif

#endif
