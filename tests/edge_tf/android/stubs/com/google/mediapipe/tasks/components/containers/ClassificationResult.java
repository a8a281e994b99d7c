// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package com.google.mediapipe.tasks.components.containers;

import java.util.List;

public abstract class ClassificationResult {
    public abstract List<Classifications> classifications();
}
