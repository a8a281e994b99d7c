// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import android.annotation.SuppressLint
import android.media.AudioFormat
import android.media.AudioRecord
import android.media.MediaRecorder
import android.os.Process
import kotlin.math.max

/**
 * Mono sound of the microphone, in a thread of its own. Needs the permission RECORD_AUDIO.
 *
 * @param sampleRate Hz
 * @param blockSamples samples that [onBlock] gets at a time, -1 to 1
 * @param onFailure gets what went wrong, for people; then there is no more sound
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

    /** Returns when the last block has been handed over. */
    fun stop() {
        isOn = false
        thread?.join()
        thread = null
    }

    @SuppressLint("MissingPermission") // MainActivity asks for it
    private fun record() {
        Process.setThreadPriority(Process.THREAD_PRIORITY_URGENT_AUDIO)
        val least = AudioRecord.getMinBufferSize(sampleRate, CHANNEL, ENCODING)
        if (least <= 0) {
            onFailure("this phone does not record mono sound at $sampleRate Hz")
            return
        }
        // Room for some blocks, so that none is lost while the phone is busy.
        val bytes = max(least, BLOCKS * blockSamples * Short.SIZE_BYTES)
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
            pass(recorder)
        } catch (error: IllegalStateException) {
            onFailure("the microphone cannot be started (${error.message})")
        } finally {
            recorder.release()
        }
    }

    private fun pass(recorder: AudioRecord) {
        val pcm = ShortArray(blockSamples)
        while (isOn) {
            val count = recorder.read(pcm, 0, pcm.size)
            if (count < 0) {
                onFailure("the microphone stopped (error $count)")
                return
            }
            // Training divides by 32768, too.
            onBlock(FloatArray(count) { pcm[it] / 32768f })
        }
    }

    private companion object {
        const val CHANNEL = AudioFormat.CHANNEL_IN_MONO
        const val ENCODING = AudioFormat.ENCODING_PCM_16BIT
        const val BLOCKS = 8
    }
}
