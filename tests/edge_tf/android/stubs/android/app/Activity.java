// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package android.app;

import android.content.Context;
import android.os.Bundle;
import android.view.View;

public class Activity extends Context {
    protected void onCreate(Bundle savedInstanceState) {}
    protected void onStop() {}
    public void setContentView(int layout) {}
    public <T extends View> T findViewById(int id) { throw new UnsupportedOperationException(); }
    public final void requestPermissions(String[] permissions, int requestCode) {}
    public boolean shouldShowRequestPermissionRationale(String permission) { return false; }
    public void onRequestPermissionsResult(int code, String[] permissions, int[] results) {}
    public final void runOnUiThread(Runnable action) {}
}
