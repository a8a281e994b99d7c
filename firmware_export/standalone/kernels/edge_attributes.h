/* SPDX-License-Identifier: Apache-2.0 */
/* Where the linker puts the kernels: EDGE_KERNELS_ATTR is in front of the declaration of every
 * function of theirs that is not inline, and empty unless the whole build defines it, for example
 * as __attribute__((section(".itcm"))). */
#ifndef EDGE_ATTRIBUTES_H
#define EDGE_ATTRIBUTES_H

#ifndef EDGE_KERNELS_ATTR
#define EDGE_KERNELS_ATTR
#endif

#endif
