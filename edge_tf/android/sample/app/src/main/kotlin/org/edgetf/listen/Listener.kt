// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import java.util.concurrent.Executor
import java.util.concurrent.atomic.AtomicBoolean

/**
 * From samples to detections: ring buffer, model, detector.
 *
 * Inferences run on [worker], one at a time, so that a slow one never blocks the microphone. A hop
 * that is due while one is running is skipped and counted; the next one has the newest samples.
 */
class Listener(
    private val spotting: Spotting,
    private val classifier: Classifier,
    private val worker: Executor,
    private val events: Events,
) {
    interface Events {
        /** After every inference, on the worker. */
        fun onHop(hop: Hop)

        /** An inference failed, on the worker; there will be no more. */
        fun onFailure(error: Exception)
    }

    /**
     * Result of one inference.
     *
     * @property best the class with the highest smoothed score, detected or not
     * @property score its smoothed score, 0 to 1
     * @property detection the class that is detected in this hop, or null
     * @property milliseconds latency of the model
     * @property skipped hops without an inference, since the start
     */
    class Hop(
        val best: String,
        val score: Float,
        val detection: Detection?,
        val milliseconds: Double,
        val skipped: Int,
    )

    private val ring = RingBuffer(spotting.windowSamples)
    private val window = FloatArray(spotting.windowSamples)
    private val detector = Detector(spotting.labels, spotting.detector)
    private val busy = AtomicBoolean(false)
    // The first hop is due when the window is full, also if that is no whole number of hops.
    private var sinceHop = Math.floorMod(-spotting.windowSamples, spotting.hopSamples)
    private var skipped = 0

    /** Accepts the next samples, -1 to 1; always call it from the same thread. */
    fun feed(block: FloatArray) {
        var from = 0
        while (from < block.size) {
            val count = minOf(block.size - from, spotting.hopSamples - sinceHop)
            ring.push(block.copyOfRange(from, from + count))
            from += count
            sinceHop += count
            if (sinceHop == spotting.hopSamples) {
                sinceHop = 0
                if (ring.isFull) hop()
            }
        }
    }

    private fun hop() {
        if (!busy.compareAndSet(false, true)) {
            skipped++
            return
        }
        ring.copyTo(window) // no inference is reading it now
        val skippedBefore = skipped
        worker.execute { infer(skippedBefore) }
    }

    private fun infer(skippedBefore: Int) {
        try {
            val began = System.nanoTime()
            val scores = classifier.scores(window)
            val milliseconds = (System.nanoTime() - began) / 1e6
            val detection = detector.push(scores)
            val best = detector.best
            val hop = Hop(
                spotting.labels[best],
                detector.score(best),
                detection,
                milliseconds,
                skippedBefore,
            )
            busy.set(false)
            events.onHop(hop)
        } catch (error: Exception) { // stays busy, so that a failure is not retried at every hop
            events.onFailure(error)
        }
    }
}
