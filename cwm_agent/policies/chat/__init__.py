"""The policy in which a model behind any server of chat completions decides, with tools of its own format."""
