"""Whole lines of statements, and the same lines under another indentation."""

from __future__ import annotations

import io
import tokenize

from cwm_agent.policies.forager.source import Site


def lines_of(site: Site) -> str | None:
    """The statement's whole lines with their end; None when it shares a line with another statement."""
    if not site.alone:
        return None
    start, end = site.line_span
    text = site.source.text[start:end]
    return text if text.endswith("\n") else text + "\n"


def reindented(text: str, more: str | None, less: str = "") -> str | None:
    """The lines with an indentation step `more` or `less`; None when a string's inside would change with them."""
    if _has_long_string(text):
        return None
    found = []
    for line in text.splitlines(keepends=True):
        if not line.strip():
            found.append(line)
        elif more:
            found.append(more + line)
        elif line.startswith(less):
            found.append(line[len(less) :])
        else:
            return None
    return "".join(found)


def _has_long_string(text: str) -> bool:
    if '"""' not in text and "'''" not in text and "\\\n" not in text:
        return False
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return True
    return any(token.start[0] != token.end[0] for token in tokens if token.type == tokenize.STRING) or "\\\n" in text
