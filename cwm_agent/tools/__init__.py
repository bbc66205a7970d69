"""What a policy can do: one tool, one file."""

from __future__ import annotations

from cwm_agent.protocols import Tool
from cwm_agent.tools.bash import Bash
from cwm_agent.tools.create import Create
from cwm_agent.tools.edit import Edit
from cwm_agent.tools.submit import Submit


def all_tools() -> tuple[Tool, ...]:
    """A fresh set of tools for one session."""
    return (Bash(), Edit(), Create(), Submit())


__all__ = ["Bash", "Create", "Edit", "Submit", "all_tools"]
