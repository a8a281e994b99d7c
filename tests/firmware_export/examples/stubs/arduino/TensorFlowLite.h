/* SPDX-License-Identifier: Apache-2.0 */
/* Stub: see README.md. */
