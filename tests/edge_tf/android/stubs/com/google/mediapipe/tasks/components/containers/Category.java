// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package com.google.mediapipe.tasks.components.containers;

public abstract class Category {
    public abstract float score();
    public abstract int index();
    public abstract String categoryName();
}
