"""Who decides the next action."""
