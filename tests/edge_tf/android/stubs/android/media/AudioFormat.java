// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package android.media;

public final class AudioFormat {
    public static final int CHANNEL_IN_MONO = 16;
    public static final int ENCODING_PCM_16BIT = 2;
}
