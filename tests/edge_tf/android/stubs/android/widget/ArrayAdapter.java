// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package android.widget;

import android.content.Context;

public class ArrayAdapter<T> implements ListAdapter {
    public ArrayAdapter(Context context, int layout) {}
    public void add(T item) {}
}
