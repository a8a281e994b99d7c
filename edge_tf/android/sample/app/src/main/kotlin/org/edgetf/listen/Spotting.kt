// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

/**
 * Settings of the exported model, from assets/spotting.json.
 *
 * @property labels class names, in the order of the scores
 * @property sampleRate Hz
 * @property windowSamples number of samples of the model's input
 * @property hopSamples samples from one inference to the next
 * @property detector settings of the detector, as in the firmware
 * @property golden clips with the scores of the model on the exporting computer
 */
class Spotting(
    val labels: List<String>,
    val sampleRate: Int,
    val windowSamples: Int,
    val hopSamples: Int,
    val detector: DetectorConfig,
    val golden: List<Golden>,
) {
    init {
        require(labels.size >= 2 && labels.distinct().size == labels.size) {
            "labels must be at least two, and distinct"
        }
        require(sampleRate > 0) { "sample_rate=$sampleRate must be above 0" }
        require(windowSamples > 0) { "window_samples=$windowSamples must be above 0" }
        require(hopSamples in 1..windowSamples) {
            "hop_samples=$hopSamples must be within 1 to window_samples=$windowSamples"
        }
        require(labels.any { it !in detector.background }) {
            "background: no label is left to detect"
        }
        for (clip in golden) {
            require(clip.label in labels) { "golden: ${clip.label} is not among the labels" }
            require(clip.scores.size == labels.size) {
                "golden: ${clip.file} has ${clip.scores.size} scores for ${labels.size} labels"
            }
        }
    }

    companion object {
        /**
         * Reads spotting.json.
         *
         * @throws IllegalArgumentException it is not valid; the message names the field
         */
        fun parse(text: String): Spotting =
            try {
                read(JSONObject(text))
            } catch (error: JSONException) {
                throw IllegalArgumentException("spotting.json: ${error.message}", error)
            } catch (error: IllegalArgumentException) {
                throw IllegalArgumentException("spotting.json: ${error.message}", error)
            }

        private fun read(json: JSONObject): Spotting {
            val detector = json.getJSONObject("detector")
            return Spotting(
                labels = json.getJSONArray("labels").strings(),
                sampleRate = json.getInt("sample_rate"),
                windowSamples = json.getInt("window_samples"),
                hopSamples = json.getInt("hop_samples"),
                detector = DetectorConfig(
                    smoothing = detector.getInt("smoothing"),
                    threshold = detector.getDouble("threshold"),
                    refractoryHops = detector.getInt("refractory_hops"),
                    background = detector.getJSONArray("background").strings().toSet(),
                    rearm = detector.getDouble("rearm"),
                ),
                golden = json.getJSONArray("golden").let { clips ->
                    List(clips.length()) { golden(clips.getJSONObject(it)) }
                },
            )
        }

        private fun golden(json: JSONObject): Golden {
            val scores = json.getJSONArray("scores")
            return Golden(
                file = json.getString("file"),
                label = json.getString("label"),
                scores = FloatArray(scores.length()) { scores.getDouble(it).toFloat() },
            )
        }

        private fun JSONArray.strings() = List(length()) { getString(it) }
    }
}

/**
 * A recorded clip.
 *
 * @property file its name in assets: 16-bit samples, little-endian, one window of the model
 * @property label the class that the model predicted on the computer
 * @property scores probability of each class there
 */
class Golden(val file: String, val label: String, val scores: FloatArray)
