"""Lines of code with everything visible that a reviewer must see: blanks at the end, tabs, CR, missing newlines."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

from textual.content import Content, Span

from cwm_agent.text import printable_line
from cwm_agent.tui.render.rows import ours

_STYLES = (
    ("Token.Keyword", "$code-keyword"),
    ("Token.Operator.Word", "$code-keyword"),
    ("Token.Literal.String", "$code-string"),
    ("Token.Literal.Number", "$code-number"),
    ("Token.Comment", "$code-comment italic"),
    ("Token.Name.Function", "$code-name"),
    ("Token.Name.Class", "$code-name"),
    ("Token.Name.Decorator", "$code-name"),
    ("Token.Name.Builtin", "$code-name"),
)
_LONG = 20_000


def lex(path: str, code: str) -> list[list[tuple[str, str]]]:
    """The lines of a piece of code as (text, style); one unstyled piece a line where the language is not known."""
    lexed = _pieces(path, code) if len(code) <= _LONG else None
    return lexed if lexed is not None else [[(each, "")] for each in code.split("\n")]


@lru_cache(maxsize=512)
def _pieces(path: str, code: str) -> list[list[tuple[str, str]]] | None:
    from pygments.lexers import get_lexer_for_filename  # type: ignore[import-untyped] # it has no annotations
    from pygments.util import ClassNotFound  # type: ignore[import-untyped] # as above

    try:
        lexer = get_lexer_for_filename(path, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
    lines: list[list[tuple[str, str]]] = [[]]
    for token, value in lexer.get_tokens(code):
        style = next((style for prefix, style in _STYLES if str(token).startswith(prefix)), "")
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((part, style))
    return lines if len(lines) == code.count("\n") + 1 else None


def visible(pieces: list[tuple[str, str]], *, changed: bool) -> Content:
    """One line, without its ending: tabs as arrows; in changed lines, blanks at the end as dots."""
    whole = "".join(text for text, _ in pieces)
    body = len(whole.rstrip(" \t")) if changed else len(whole)
    parts: list[Content] = []
    at = 0
    for text, style in pieces:
        for start, char in enumerate(text, at):
            if char == "\t":
                parts.append(ours("→   ", "$faint"))
            elif char == " " and start >= body:
                parts.append(ours("·", "$warn"))
            else:
                parts.append(Content.styled(printable_line(char), style))
        at += len(text)
    return _merged(parts)


def _merged(parts: list[Content]) -> Content:
    spans = []
    text = ""
    keyed = [(str(part.spans[0].style) if part.spans else "", part.plain) for part in parts]
    for style, group in groupby(keyed, key=lambda pair: pair[0]):
        piece = "".join(plain for _, plain in group)
        if style:
            spans.append(Span(len(text), len(text) + len(piece), style))
        text += piece
    return Content(text, spans)


def ending(raw: bytes, *, changed: bool) -> Content:
    """What is special about the end of a line: a CR before the LF, or no LF at all."""
    if raw.endswith(b"\r\n"):
        return ours("␍", "$warn" if changed else "$faint")
    if not raw.endswith(b"\n"):
        return ours("  ⊘ no newline at the end", "$warn" if changed else "$faint")
    return Content("")


def decoded(raw: bytes) -> str:
    """A line of a file as text, without its ending; bytes that are not UTF-8 become visible later."""
    return raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")


def strong(content: Content, start: int, end: int, style: str) -> Content:
    """The content with its changed part standing out."""
    return content.stylize(style, start, end) if start < end else content
