"""A session driven by an editor, over the Agent Client Protocol on standard input and output."""
