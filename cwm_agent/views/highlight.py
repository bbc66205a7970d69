"""Source lines as pieces with the roles of code; pygments reads them, whole texts where they are known."""

from __future__ import annotations

from functools import lru_cache

from cwm_agent.traces.entry import source_lines, without_marker
from cwm_agent.views.spans import Line, Piece, code_line

_ROLES = (
    ("Token.Keyword", "code-keyword"),
    ("Token.Operator.Word", "code-keyword"),
    ("Token.Literal.String", "code-string"),
    ("Token.Literal.Number", "code-number"),
    ("Token.Comment", "code-comment italic"),
    ("Token.Name.Function", "code-name"),
    ("Token.Name.Class", "code-name"),
    ("Token.Name.Decorator", "code-name"),
    ("Token.Name.Builtin", "code-name"),
)
_LONG = 200_000


class Highlighter:
    """Colours the lines of frames. A line of the known source is read in its place, any other alone."""

    def __init__(self, source: str = "") -> None:
        self._lines = [code_line(without_marker(line)) for line in source_lines(source)]
        self._known = _lex("\n".join(self._lines)) if source and len(source) <= _LONG else []

    def line(self, source: str, number: int | None) -> Line:
        """The pieces of a line, without the blanks at its end; `number` is where it stands, where that is known."""
        text = code_line(without_marker(source))
        if number is not None and 0 < number <= len(self._known) and self._lines[number - 1] == text:
            return self._known[number - 1]
        return _alone(text)


@lru_cache(maxsize=4096)
def _alone(text: str) -> Line:
    return _lex(text)[0]


def _lex(text: str) -> list[Line]:
    from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped] # untyped; slow, and often not needed

    lines: list[list[Piece]] = [[]]
    for token, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        role = next((role for prefix, role in _ROLES if str(token).startswith(prefix)), "")
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(Piece(part, role))
    read = [tuple(line) for line in lines]
    wanted = text.split("\n")
    whole = len(read) == len(wanted) and all("".join(p.text for p in a) == b for a, b in zip(read, wanted, strict=True))
    return read if whole else [(Piece(line),) for line in wanted]
