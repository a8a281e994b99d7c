// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package com.google.mediapipe.tasks.audio.audioclassifier;

import android.content.Context;
import com.google.mediapipe.tasks.audio.core.RunningMode;
import com.google.mediapipe.tasks.components.containers.AudioData;
import com.google.mediapipe.tasks.core.BaseOptions;

public final class AudioClassifier implements AutoCloseable {
    public static AudioClassifier createFromOptions(
            Context context, AudioClassifierOptions options) {
        throw new UnsupportedOperationException();
    }

    public static AudioClassifier createFromFile(Context context, String path) {
        throw new UnsupportedOperationException();
    }

    public AudioClassifierResult classify(AudioData clip) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}

    public abstract static class AudioClassifierOptions {
        public static Builder builder() { throw new UnsupportedOperationException(); }

        public abstract static class Builder {
            public abstract Builder setBaseOptions(BaseOptions options);
            public abstract Builder setRunningMode(RunningMode mode);
            public final AudioClassifierOptions build() {
                throw new UnsupportedOperationException();
            }
        }
    }
}
