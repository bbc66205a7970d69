"""A text that a model wrote for people, as sentences in its own words: without what it only quotes."""

from __future__ import annotations

import re

from cwm_agent.core.report import runs_tests

QUOTED = "[quoted]"
LONGEST = 20_000
"""Characters of a text that are looked at; a longer one is no answer to a person."""
LONGEST_SENTENCE = 500
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)(`+)(?!`)([^\n]*?[^`\n])\1(?!`)")
_NAME = re.compile(r"[\w./:\[\]-]+")
_QUOTES = re.compile(
    r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|«[^»\n]{1,400}»|‘[^’\n]{1,400}’|(?<![\w'])'[^'\n]{1,400}'(?!\w)"
)
_MARKS = re.compile(r"\*{1,3}|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)|^ {0,3}#{1,6} ", re.MULTILINE)
_NEW_LINE = re.compile(r"\n\s*\n|\n(?=\s*(?:[-+•|]|\d{1,3}[.)]\s))|\|")
_BULLET = re.compile(r"^\s*(?:[-+•>|]+|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
_END = re.compile(r"(?<=[.!?…])[)\]]*\s+(?=[^a-z\s])")


def sentences(text: str) -> tuple[str, ...]:
    """The sentences, each on one line. Code blocks and quoted lines are left out, quotations are QUOTED.

    What stands in backticks stays where it is one word, such as the name of a test; a command that runs tests becomes
    `pytest`.
    """
    text = _FENCE.sub("\n\n", text[:LONGEST].replace("\r\n", "\n"))
    text = "\n".join("" if line.lstrip().startswith(">") else line for line in text.split("\n"))
    text = _QUOTES.sub(QUOTED, _INLINE.sub(_plain, text)).replace("’", "'")
    lines = [_BULLET.sub("", piece) for piece in _NEW_LINE.split(_MARKS.sub("", text))]
    found = (" ".join(sentence.split()) for line in lines for sentence in _END.split(line))
    return tuple(sentence[:LONGEST_SENTENCE] for sentence in found if sentence)


def _plain(code: re.Match[str]) -> str:
    words = code[2].strip()
    if _NAME.fullmatch(words):
        return words
    return "pytest" if runs_tests(words) else QUOTED
