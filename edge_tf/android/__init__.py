"""What an Android app loads, and a project that shows how."""
