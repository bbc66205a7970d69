"""The user's repository: what is in it, what changed, and the one way by which a change reaches it."""
