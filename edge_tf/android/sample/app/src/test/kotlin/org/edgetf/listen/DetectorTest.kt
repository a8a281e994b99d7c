// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test

class DetectorTest {
    private val labels = listOf("_silence_", "yes", "no")
    private val silence = floatArrayOf(1f, 0f, 0f)
    private val yes = floatArrayOf(0f, 1f, 0f)

    private fun detector(smoothing: Int, refractoryHops: Int) =
        Detector(labels, DetectorConfig(smoothing, 0.5, refractoryHops, setOf("_silence_")))

    @Test
    fun aScoreIsTheMeanOfTheLastHops() {
        val detector = detector(smoothing = 4, refractoryHops = 0)
        assertNull(detector.push(yes)) // 0.25: hops before the first count as 0
        assertEquals(Detection("yes", 0.5f), detector.push(yes))
        assertEquals(0.5f, detector.score(1))
    }

    @Test
    fun aRefractoryPeriodFollowsADetection() {
        val detector = detector(smoothing = 1, refractoryHops = 2)
        assertEquals("yes", detector.push(yes)?.label)
        assertNull(detector.push(yes))
        assertNull(detector.push(yes))
        assertEquals("yes", detector.push(yes)?.label)
    }

    @Test
    fun backgroundIsNeverDetected() {
        val detector = detector(smoothing = 1, refractoryHops = 0)
        assertNull(detector.push(silence))
        assertEquals(0, detector.best)
    }
}
