// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.os.Bundle
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.ListView
import android.widget.RadioGroup
import android.widget.TextView
import java.text.DateFormat
import java.util.Date
import java.util.concurrent.ExecutorService
import java.util.concurrent.Executors

/** Listens while it is on screen. Models run on [worker], everything else on the main thread. */
class MainActivity : Activity() {
    private lateinit var spotting: Spotting
    private lateinit var log: ArrayAdapter<String>
    private var session: Session? = null

    /** Resources between Start and Stop. */
    private class Session {
        var microphone: Microphone? = null
        var classifier: Classifier? = null
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.main)
        log = ArrayAdapter(this, android.R.layout.simple_list_item_1)
        findViewById<ListView>(R.id.log).adapter = log
        try {
            spotting = Spotting.parse(String(asset("spotting.json")))
        } catch (error: Exception) {
            show(error)
            return
        }
        findViewById<Button>(R.id.start).setOnClickListener {
            if (session == null) askAndStart() else stop()
        }
        findViewById<Button>(R.id.self_test).setOnClickListener { selfTest() }
    }

    override fun onStop() {
        super.onStop()
        stop()
    }

    // Permission

    private fun askAndStart() {
        val permission = Manifest.permission.RECORD_AUDIO
        if (checkSelfPermission(permission) == PackageManager.PERMISSION_GRANTED) {
            start()
        } else {
            requestPermissions(arrayOf(permission), ASK)
        }
    }

    override fun onRequestPermissionsResult(
        requestCode: Int,
        permissions: Array<String>,
        grantResults: IntArray,
    ) {
        super.onRequestPermissionsResult(requestCode, permissions, grantResults)
        if (requestCode != ASK || grantResults.isEmpty()) return
        when {
            grantResults[0] == PackageManager.PERMISSION_GRANTED -> start()
            shouldShowRequestPermissionRationale(permissions[0]) -> now(R.string.permission_needed)
            else -> now(R.string.permission_denied) // Android does not ask again
        }
    }

    // Listening

    private fun start() {
        val mine = Session()
        session = mine
        findViewById<Button>(R.id.start).setText(R.string.stop)
        now(R.string.loading)
        load({ classifier ->
            mine.classifier = classifier
            if (session === mine) listen(mine, classifier) else end(mine)
        }) { error -> if (session === mine) show(error) }
    }

    private fun listen(mine: Session, classifier: Classifier) {
        val listener = Listener(
            spotting,
            classifier,
            worker,
            object : Listener.Events {
                override fun onHop(hop: Listener.Hop) = runOnUiThread {
                    if (session === mine) show(hop)
                }

                override fun onFailure(error: Exception) = runOnUiThread {
                    if (session === mine) show(error)
                }
            },
        )
        mine.microphone = Microphone(
            spotting.sampleRate,
            spotting.hopSamples,
            listener::feed,
        ) { reason -> runOnUiThread { if (session === mine) show(IllegalStateException(reason)) } }
        mine.microphone?.start()
    }

    private fun stop() {
        val mine = session ?: return
        session = null
        end(mine)
        findViewById<Button>(R.id.start).setText(R.string.start)
        now(R.string.not_listening)
    }

    private fun end(mine: Session) {
        mine.microphone?.stop()
        // After an inference that may still be running there.
        mine.classifier?.let { worker.execute(it::close) }
        mine.classifier = null
    }

    /** Creates the chosen classifier on the worker and passes it on in the main thread. */
    private fun load(then: (Classifier) -> Unit, failed: (Throwable) -> Unit) {
        val isMediaPipe = findViewById<RadioGroup>(R.id.runtime).checkedRadioButtonId == R.id.mediapipe
        worker.execute {
            try {
                val made =
                    if (isMediaPipe) MediaPipeClassifier(this, spotting) else LiteRtClassifier(this)
                runOnUiThread { then(made) }
            } catch (error: Exception) {
                runOnUiThread { failed(error) }
            } catch (error: LinkageError) { // no native library for this processor, such as 32-bit
                runOnUiThread { failed(error) }
            }
        }
    }

    private fun selfTest() {
        load({ classifier ->
            worker.execute {
                try {
                    val results = classifier.use { SelfTest.run(spotting, it, ::asset) }
                    runOnUiThread { results.forEach { log.add(describe(it)) } }
                } catch (error: Exception) {
                    runOnUiThread { show(error) }
                }
            }
        }, ::show)
    }

    // Display

    private fun show(hop: Listener.Hop) {
        findViewById<TextView>(R.id.now).text = getString(R.string.now, hop.best, hop.score)
        findViewById<TextView>(R.id.speed).text =
            getString(R.string.speed, hop.milliseconds, hop.skipped)
        hop.detection?.let {
            val time = DateFormat.getTimeInstance().format(Date())
            log.add(getString(R.string.detected, time, it.label, it.score))
        }
    }

    private fun show(error: Throwable) {
        stop()
        findViewById<TextView>(R.id.now).text =
            getString(R.string.failed, error.message ?: error.toString())
    }

    private fun now(text: Int) = findViewById<TextView>(R.id.now).setText(text)

    private fun describe(result: SelfTest.Result): String =
        if (result.isGood) {
            getString(R.string.test_good, result.expected, result.difference)
        } else {
            getString(R.string.test_bad, result.file, result.found, result.expected)
        }

    private fun asset(name: String): ByteArray = assets.open(name).use { it.readBytes() }

    private companion object {
        const val ASK = 1

        // Lives as long as the process: a model may finish loading after its screen has gone.
        val worker: ExecutorService = Executors.newSingleThreadExecutor { task ->
            Thread(task, "model").apply { isDaemon = true }
        }
    }
}
