"""One tool, one file, with the exact semantics that CWM was trained on."""
