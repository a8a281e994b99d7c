// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package android.os;

public class Process {
    public static final int THREAD_PRIORITY_URGENT_AUDIO = -19;
    public static final native void setThreadPriority(int priority);
}
