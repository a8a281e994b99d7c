// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package com.google.mediapipe.tasks.core;

public abstract class BaseOptions {
    public static Builder builder() { throw new UnsupportedOperationException(); }

    public abstract static class Builder {
        public abstract Builder setModelAssetPath(String path);
        public final BaseOptions build() { throw new UnsupportedOperationException(); }
    }
}
