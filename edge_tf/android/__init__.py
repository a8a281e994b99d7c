"""Models for Android apps, and a sample project that uses them."""
