// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package android;

public final class R {
    public static final class layout {
        public static final int simple_list_item_1 = 1;
    }
}
