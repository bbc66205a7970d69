"""What the process returns when the user leaves."""

from __future__ import annotations

from cwm_agent.tui.picture import Picture


def exit_code(picture: Picture) -> int:
    """The code of the last turn's end; 5 where the last apply was refused, 0 where nothing was asked."""
    from cwm_agent.headless import EXIT_CODES, EXIT_REFUSED  # what it imports is not needed for the first paint

    if picture.refused:
        return EXIT_REFUSED
    return EXIT_CODES[picture.rested.status] if picture.rested else 0
