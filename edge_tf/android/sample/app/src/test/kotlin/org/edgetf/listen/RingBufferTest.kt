// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

class RingBufferTest {
    private fun content(ring: RingBuffer) = FloatArray(4).also(ring::copyTo)

    @Test
    fun itKeepsTheNewestSamplesInOrder() {
        val ring = RingBuffer(4)
        ring.push(floatArrayOf(1f, 2f, 3f))
        assertFalse(ring.isFull)
        ring.push(floatArrayOf(4f, 5f, 6f))
        assertTrue(ring.isFull)
        assertArrayEquals(floatArrayOf(3f, 4f, 5f, 6f), content(ring), 0f)
    }

    @Test
    fun itKeepsTheEndOfALongBlock() {
        val ring = RingBuffer(4)
        ring.push(floatArrayOf(1f))
        ring.push(floatArrayOf(2f, 3f, 4f, 5f, 6f, 7f))
        assertArrayEquals(floatArrayOf(4f, 5f, 6f, 7f), content(ring), 0f)
    }
}
