// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import kotlin.math.max
import kotlin.math.round

/**
 * Settings of the detector. A hop is one inference.
 *
 * @property smoothing smoothing window: a score is the mean probability of this many last hops
 * @property threshold minimum score at which the best class is detected, above 0, at most 1
 * @property refractoryHops refractory period: hops after a detection without another one
 * @property background labels that are never detected
 * @property rearm after the refractory period, a class that was detected is detected again only once
 *   its score has been below this; above 0, at most 1, where all scores count as below
 */
data class DetectorConfig(
    val smoothing: Int,
    val threshold: Double,
    val refractoryHops: Int,
    val background: Set<String>,
    val rearm: Double,
) {
    init {
        require(smoothing in 1..1000) { "smoothing=$smoothing must be within 1 to 1000" }
        require(threshold > 0 && threshold <= 1) { "threshold=$threshold must be above 0, at most 1" }
        require(rearm > 0 && rearm <= 1) { "rearm=$rearm must be above 0, at most 1" }
        require(refractoryHops in 0..1_000_000) {
            "refractory_hops=$refractoryHops must be within 0 to 1000000"
        }
    }
}

/** A class that was detected, and its smoothed score, 0 to 1. */
data class Detection(val label: String, val score: Float)

/**
 * Turns probabilities into detections, with the same integers as detector.c of the firmware.
 *
 * Hops before the first count as 0.
 */
class Detector(private val labels: List<String>, private val config: DetectorConfig) {
    private val threshold = max(1, toScore(config.threshold))
    private val rearm = if (config.rearm == 1.0) ONE + 1 else max(1, toScore(config.rearm))
    private val recent = Array(config.smoothing) { IntArray(labels.size) } // a ring of hops
    private val sums = IntArray(labels.size)
    private var oldest = 0
    private val held = BooleanArray(labels.size) // detected, and its score has not fallen since
    private var pause = 0

    /** Index of the class with the highest smoothed score, after the last push. */
    var best = 0
        private set

    /** Smoothed score of a class, 0 to 1. */
    fun score(index: Int): Float = smoothed(index).toFloat() / ONE

    /**
     * Adds the scores of one hop.
     *
     * @param scores probability of each class
     * @return the detected class, or null
     */
    fun push(scores: FloatArray): Detection? {
        require(scores.size == labels.size) {
            "the model returns ${scores.size} scores for ${labels.size} labels"
        }
        val row = recent[oldest]
        oldest = (oldest + 1) % recent.size
        for (i in labels.indices) {
            val score = toScore(scores[i].toDouble())
            sums[i] += score - row[i]
            row[i] = score
        }
        best = labels.indices.maxBy(::smoothed) // ties go to the first class, as in detector.c
        if (pause > 0) {
            pause--
            return null
        }
        for (i in labels.indices) {
            if (smoothed(i) < rearm) held[i] = false
        }
        if (labels[best] in config.background || held[best] || smoothed(best) < threshold) return null
        held[best] = true
        pause = config.refractoryHops
        return Detection(labels[best], score(best))
    }

    private fun smoothed(index: Int) = sums[index] / config.smoothing

    private companion object {
        /** The integer for a probability of 1. */
        const val ONE = 1 shl 15

        fun toScore(probability: Double) = round(probability * ONE).toInt()
    }
}
