// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package android.content;

import android.content.res.AssetManager;

public class Context {
    public AssetManager getAssets() { throw new UnsupportedOperationException(); }
    public int checkSelfPermission(String permission) { return 0; }
    public final String getString(int id, Object... values) { return ""; }
}
