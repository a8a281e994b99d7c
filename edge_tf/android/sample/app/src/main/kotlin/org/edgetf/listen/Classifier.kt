// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

/** The file in assets: samples in, probabilities out. */
const val MODEL = "model_waveform.tflite"

/** Runs the model, one inference at a time. */
interface Classifier : AutoCloseable {
    /**
     * @param window input of the model, samples from -1 to 1
     * @return the probability of each class, in the order of the labels
     */
    fun scores(window: FloatArray): FloatArray
}
