// SPDX-License-Identifier: Apache-2.0
/** Runs the parts of the sample that need no Android, for sample_test.py: COMMAND FILE. */
package org.edgetf.listen

import java.io.File
import org.json.JSONArray
import org.json.JSONObject

fun main(args: Array<String>) {
    val json = JSONObject(File(args[1]).readText())
    val result = when (args[0]) {
        "detect" -> detect(json)
        "ring" -> ring(json)
        "spotting" -> spotting(json)
        "listen" -> listen(json)
        "self_test" -> selfTest(json)
        else -> throw IllegalArgumentException(args[0])
    }
    println(result)
}

private fun JSONArray.floats() = FloatArray(length()) { getDouble(it).toFloat() }

private fun <T> JSONArray.map(make: (Int) -> T) = List(length(), make)

/** For each case [detected label or null, best index, its score] of every hop. */
private fun detect(json: JSONObject): JSONArray {
    val cases = json.getJSONArray("cases")
    return JSONArray(
        cases.map { at ->
            val case = cases.getJSONObject(at)
            val labels = case.getJSONArray("labels").let { all -> all.map(all::getString) }
            val background = case.getJSONArray("background").let { all -> all.map(all::getString) }
            val detector = Detector(
                labels,
                DetectorConfig(
                    case.getInt("smoothing"),
                    case.getDouble("threshold"),
                    case.getInt("refractory_hops"),
                    background.toSet(),
                    case.getDouble("rearm"),
                ),
            )
            val hops = case.getJSONArray("hops")
            JSONArray(
                hops.map { hop ->
                    val found = detector.push(hops.getJSONArray(hop).floats())
                    val score = (detector.score(detector.best) * 32768).toInt()
                    JSONArray(listOf(found?.label ?: JSONObject.NULL, detector.best, score))
                },
            )
        },
    )
}

/** For each block that is pushed [is full, content]. */
private fun ring(json: JSONObject): JSONArray {
    val size = json.getInt("size")
    val ring = RingBuffer(size)
    val blocks = json.getJSONArray("blocks")
    return JSONArray(
        blocks.map { at ->
            ring.push(blocks.getJSONArray(at).floats())
            val window = FloatArray(size).also(ring::copyTo)
            JSONArray(listOf(ring.isFull, JSONArray(window.map { it.toDouble() })))
        },
    )
}

/** For each text the labels that were read, or the message of the refusal. */
private fun spotting(json: JSONObject): JSONArray {
    val texts = json.getJSONArray("texts")
    return JSONArray(
        texts.map { at ->
            try {
                JSONArray(Spotting.parse(texts.getString(at)).labels)
            } catch (error: IllegalArgumentException) {
                error.message
            }
        },
    )
}

/**
 * Feeds blocks to a Listener whose worker runs a task when "run" says so.
 *
 * The model gives the first class the first sample of its window as probability. Returns for each
 * event [best, score, skipped], or ["failed", message].
 */
private fun listen(json: JSONObject): JSONArray {
    val tasks = ArrayDeque<Runnable>()
    val events = JSONArray()
    val broken = json.optBoolean("broken")
    val classifier = object : Classifier {
        override fun scores(window: FloatArray): FloatArray {
            check(!broken) { "no such model" }
            return floatArrayOf(window.first(), 1 - window.first())
        }

        override fun close() = Unit
    }
    val listener = Listener(
        Spotting.parse(json.getString("spotting")),
        classifier,
        tasks::add,
        object : Listener.Events {
            override fun onHop(hop: Listener.Hop) {
                events.put(JSONArray(listOf(hop.best, hop.score.toDouble(), hop.skipped)))
            }

            override fun onFailure(error: Exception) {
                events.put(JSONArray(listOf("failed", error.message)))
            }
        },
    )
    val steps = json.getJSONArray("steps")
    for (at in 0 until steps.length()) {
        val block = steps.optJSONArray(at)
        if (block != null) listener.feed(block.floats()) else tasks.removeFirst().run()
    }
    return events.put(tasks.size)
}

/** [is good, expected, found, difference] of each golden clip, with a model that says "scores". */
private fun selfTest(json: JSONObject): JSONArray {
    val scores = json.getJSONArray("scores").floats()
    val classifier = object : Classifier {
        override fun scores(window: FloatArray) = scores.also { check(window[1] == -0.5f) }

        override fun close() = Unit
    }
    val folder = File(json.getString("folder"))
    val spotting = Spotting.parse(json.getString("spotting"))
    return try {
        val results = SelfTest.run(spotting, classifier) { File(folder, it).readBytes() }
        JSONArray(
            results.map {
                JSONArray(listOf(it.isGood, it.expected, it.found, it.difference.toDouble()))
            },
        )
    } catch (error: IllegalArgumentException) {
        JSONArray(listOf(error.message))
    }
}
