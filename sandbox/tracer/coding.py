"""Source bytes as text. An import of the library's `tokenize` would do, but could meet the program's own `token.py`."""

import codecs
import io

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def decode(data):
    """Source bytes as text, by their coding cookie or mark; SyntaxError or LookupError where that is no encoding."""
    return io.TextIOWrapper(io.BytesIO(data), encoding(data), errors="replace").read()


def encoding(data):
    """The encoding that Python reads these source bytes in (PEP 263)."""
    marked = data.startswith(codecs.BOM_UTF8)
    lines = io.BytesIO(data[3:] if marked else data)
    for _ in range(2):
        line = lines.readline().decode("latin-1")
        name = _cookie(line)
        if name:
            if marked and codecs.lookup(name).name != "utf-8":
                raise SyntaxError("encoding problem: utf-8")
            return "utf-8-sig" if marked else codecs.lookup(name).name
        if line.strip(" \t\f\r\n") and not line.lstrip(" \t\f").startswith("#"):
            break
    return "utf-8-sig" if marked else "utf-8"


def _cookie(line):
    """The name in a comment line like `# -*- coding: NAME -*-`, or an empty text."""
    comment = line.lstrip(" \t\f")
    at = 0
    while comment.startswith("#"):
        at = comment.find("coding", at) + len("coding")
        if at < len("coding"):
            break
        if comment[at : at + 1] in (":", "="):
            rest = comment[at + 1 :].lstrip(" \t")
            end = next((i for i, character in enumerate(rest) if character not in _NAME), len(rest))
            if end:
                return rest[:end]
    return ""
