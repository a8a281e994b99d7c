// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package com.google.mediapipe.tasks.components.containers;

public class AudioData {
    public static AudioData create(AudioDataFormat format, int samples) {
        throw new UnsupportedOperationException();
    }

    public void load(float[] samples) {}

    public abstract static class AudioDataFormat {
        public static Builder builder() { throw new UnsupportedOperationException(); }

        public abstract static class Builder {
            public abstract Builder setNumOfChannels(int channels);
            public abstract Builder setSampleRate(float rate);
            public AudioDataFormat build() { throw new UnsupportedOperationException(); }
        }
    }
}
