// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package com.google.mediapipe.tasks.audio.audioclassifier;

import com.google.mediapipe.tasks.components.containers.ClassificationResult;
import java.util.List;

public abstract class AudioClassifierResult {
    public abstract List<ClassificationResult> classificationResults();
}
