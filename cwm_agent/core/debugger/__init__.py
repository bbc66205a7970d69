"""Stepping through a run, real or imagined or both: the engine behind the debugger's prompt."""
