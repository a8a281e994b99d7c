// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import android.content.Context
import com.google.mediapipe.tasks.audio.audioclassifier.AudioClassifier
import com.google.mediapipe.tasks.audio.core.RunningMode
import com.google.mediapipe.tasks.components.containers.AudioData
import com.google.mediapipe.tasks.core.BaseOptions

/** The model in MediaPipe's AudioClassifier, which reads sample rate and labels in its metadata. */
class MediaPipeClassifier(context: Context, private val spotting: Spotting) : Classifier {
    private val classifier = AudioClassifier.createFromOptions(
        context,
        AudioClassifier.AudioClassifierOptions.builder()
            .setBaseOptions(BaseOptions.builder().setModelAssetPath(MODEL).build())
            // Listener makes the windows: MediaPipe's stream mode cuts audio without overlap.
            .setRunningMode(RunningMode.AUDIO_CLIPS)
            .build(),
    )
    private val sound = AudioData.create(
        AudioData.AudioDataFormat.builder()
            .setNumOfChannels(1)
            .setSampleRate(spotting.sampleRate.toFloat())
            .build(),
        spotting.windowSamples,
    )

    override fun scores(window: FloatArray): FloatArray {
        sound.load(window)
        val head = classifier.classify(sound).classificationResults().first().classifications().first()
        val scores = FloatArray(spotting.labels.size)
        for (category in head.categories()) { // sorted by score
            scores[category.index()] = category.score()
        }
        return scores
    }

    override fun close() = classifier.close()
}
