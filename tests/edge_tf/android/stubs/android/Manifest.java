// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package android;

public final class Manifest {
    public static final class permission {
        public static final String RECORD_AUDIO = "android.permission.RECORD_AUDIO";
    }
}
