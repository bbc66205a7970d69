"""What a run looks like: frames, and the text that a world model writes them in. Pure, no I/O."""
