"""Measures what an issue gives a number for, beside the named peer, and writes the tables in `results/`."""
