// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import kotlin.math.max
import kotlin.math.min

/** The last [size] samples of a stream. */
class RingBuffer(private val size: Int) {
    private val samples = FloatArray(size)
    private var next = 0
    private var held = 0

    /** Whether [size] samples have been pushed. */
    val isFull get() = held == size

    /** Appends the first [count] samples of a block; only the last [size] of them are kept. */
    fun push(block: FloatArray, count: Int = block.size) {
        var from = max(0, count - size)
        while (from < count) {
            val length = min(count - from, size - next)
            block.copyInto(samples, next, from, from + length)
            from += length
            next = (next + length) % size
        }
        held = min(size, held + count)
    }

    /** Copies the samples, oldest first, into an array of [size]. */
    fun copyTo(window: FloatArray) {
        samples.copyInto(window, 0, next, size)
        samples.copyInto(window, size - next, 0, next)
    }
}
