// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package android.media;

public class AudioRecord {
    public static final int STATE_INITIALIZED = 1;
    public static final int RECORDSTATE_RECORDING = 3;

    public AudioRecord(int source, int rate, int channels, int encoding, int bytes)
            throws IllegalArgumentException {}

    public static int getMinBufferSize(int rate, int channels, int encoding) { return 0; }
    public int getState() { return 0; }
    public int getRecordingState() { return 0; }
    public void startRecording() throws IllegalStateException {}
    public int read(short[] pcm, int offset, int count) { return 0; }
    public void release() {}
}
