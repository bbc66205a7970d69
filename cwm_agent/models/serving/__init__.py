"""A vLLM server of our own: what fits the cards, the command line for it, and a process that is looked after."""
