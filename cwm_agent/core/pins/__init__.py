"""Traced calls as regression tests: what a test of one expects, and the file that it stands in."""
