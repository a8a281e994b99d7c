// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test

class DetectorTest {
    private val labels = listOf("_silence_", "yes", "no")
    private val silence = floatArrayOf(1f, 0f, 0f)
    private val yes = floatArrayOf(0f, 1f, 0f)

    private fun detector(smoothing: Int, refractoryHops: Int, rearm: Double = 1.0) =
        Detector(labels, DetectorConfig(smoothing, 0.5, refractoryHops, setOf("_silence_"), rearm))

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
        assertNull(detector.push(silence))
        assertNull(detector.push(yes))
        assertNull(detector.push(silence))
        assertEquals("yes", detector.push(yes)?.label)
    }

    @Test
    fun aLongSoundIsOneDetection() {
        val detector = detector(smoothing = 1, refractoryHops = 2, rearm = 0.25)
        assertEquals("yes", detector.push(yes)?.label)
        repeat(9) { assertNull(detector.push(yes)) }
        assertNull(detector.push(silence))
        assertEquals("yes", detector.push(yes)?.label)
    }

    @Test
    fun aClassThatIsHeldDoesNotHoldAnother() {
        val detector = detector(smoothing = 1, refractoryHops = 0, rearm = 0.25)
        assertEquals("yes", detector.push(yes)?.label)
        assertEquals("no", detector.push(floatArrayOf(0f, 0.3f, 0.7f))?.label)
        assertNull(detector.push(yes)) // its score of 0.3 was not below
    }

    @Test
    fun backgroundIsNeverDetected() {
        val detector = detector(smoothing = 1, refractoryHops = 0)
        assertNull(detector.push(silence))
        assertEquals(0, detector.best)
    }
}
