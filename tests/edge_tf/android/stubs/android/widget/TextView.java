// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package android.widget;

import android.view.View;

public class TextView extends View {
    public CharSequence getText() { return ""; }
    public final void setText(CharSequence text) {}
    public final void setText(int id) {}
}
