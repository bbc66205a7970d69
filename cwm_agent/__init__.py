"""cwm-agent: a terminal coding agent that imagines what code will do, then runs it and shows both."""

__version__ = "0.1.0"
