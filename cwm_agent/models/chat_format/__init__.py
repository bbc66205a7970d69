"""CWM's chat: messages as segments, and what the model replies, read as it comes. Pure; one grammar, one parser."""
