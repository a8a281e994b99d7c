// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs

/** Checks that the model predicts the same on this phone as on the computer that exported it. */
object SelfTest {
    /**
     * @property file the clip
     * @property expected the class predicted on the computer
     * @property found the class predicted here
     * @property difference largest difference of a score; kernels of two processors may round
     *     differently, which moves a score that is neither 0 nor 1 by some hundredths
     */
    class Result(
        val file: String,
        val expected: String,
        val found: String,
        val difference: Float,
    ) {
        val isGood get() = expected == found
    }

    /** Runs the clips of [spotting]; [read] returns the content of a file in assets. */
    fun run(
        spotting: Spotting,
        classifier: Classifier,
        read: (String) -> ByteArray,
    ): List<Result> = spotting.golden.map { clip ->
        val window = samples(read(clip.file))
        require(window.size == spotting.windowSamples) {
            "${clip.file} has ${window.size} samples, not ${spotting.windowSamples}"
        }
        val scores = classifier.scores(window)
        require(scores.size == clip.scores.size) {
            "the model returns ${scores.size} scores for ${clip.scores.size} labels"
        }
        Result(
            clip.file,
            clip.label,
            spotting.labels[scores.indices.maxBy { scores[it] }],
            scores.indices.maxOf { abs(scores[it] - clip.scores[it]) },
        )
    }

    /** Converts 16-bit little-endian PCM to samples, -1 to 1. */
    fun samples(pcm: ByteArray): FloatArray {
        val shorts = ByteBuffer.wrap(pcm).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer()
        return FloatArray(shorts.remaining()) { shorts[it] / 32768f }
    }
}
