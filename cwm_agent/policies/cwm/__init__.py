"""The policy in which the Code World Model decides, in its own chat format."""
