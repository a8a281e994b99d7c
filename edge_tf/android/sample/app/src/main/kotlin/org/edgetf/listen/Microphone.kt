// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import android.annotation.SuppressLint
import android.media.AudioFormat
import android.media.AudioRecord
import android.media.MediaRecorder
import android.os.Process
import kotlin.math.max

/**
 * Mono audio from the microphone, on a separate thread. Needs the permission RECORD_AUDIO.
 *
 * @param sampleRate Hz
 * @param blockSamples maximum number of samples per call of [onBlock]; samples are -1 to 1
 * @param onFailure receives a message for the user; there are no more blocks afterwards
 */
class Microphone(
    private val sampleRate: Int,
    private val blockSamples: Int,
    private val onBlock: (FloatArray) -> Unit,
    private val onFailure: (String) -> Unit,
) {
    @Volatile private var isOn = false
    private var thread: Thread? = null

    fun start() {
        if (thread != null) return
        isOn = true
        thread = Thread(::record, "microphone").apply { start() }
    }

    /** Returns after the last block has been delivered. */
    fun stop() {
        isOn = false
        thread?.join()
        thread = null
    }

    @SuppressLint("MissingPermission") // MainActivity asks for it
    private fun record() {
        Process.setThreadPriority(Process.THREAD_PRIORITY_URGENT_AUDIO)
        val smallest = AudioRecord.getMinBufferSize(sampleRate, CHANNEL, ENCODING)
        if (smallest <= 0) {
            onFailure("this phone cannot record mono audio at $sampleRate Hz")
            return
        }
        // Room for several blocks, so that none is lost while the phone is busy.
        val bytes = max(smallest, BLOCKS * blockSamples * Short.SIZE_BYTES)
        val source = MediaRecorder.AudioSource.VOICE_RECOGNITION
        val recorder = AudioRecord(source, sampleRate, CHANNEL, ENCODING, bytes)
        try {
            if (recorder.state != AudioRecord.STATE_INITIALIZED) {
                onFailure("the microphone cannot be opened")
                return
            }
            recorder.startRecording()
            if (recorder.recordingState != AudioRecord.RECORDSTATE_RECORDING) {
                onFailure("the microphone is in use by another app")
                return
            }
            deliver(recorder)
        } catch (error: IllegalStateException) {
            onFailure("the microphone cannot be started (${error.message})")
        } finally {
            recorder.release()
        }
    }

    private fun deliver(recorder: AudioRecord) {
        val pcm = ShortArray(blockSamples)
        while (isOn) {
            val count = recorder.read(pcm, 0, pcm.size)
            if (count < 0) {
                onFailure("the microphone stopped (error $count)")
                return
            }
            // Training also divides by 32768.
            onBlock(FloatArray(count) { pcm[it] / 32768f })
        }
    }

    private companion object {
        const val CHANNEL = AudioFormat.CHANNEL_IN_MONO
        const val ENCODING = AudioFormat.ENCODING_PCM_16BIT
        const val BLOCKS = 8
    }
}
