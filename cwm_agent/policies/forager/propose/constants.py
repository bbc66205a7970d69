"""Other literals: numbers near by, flipped booleans, emptied and re-cased strings, constants of the same module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cwm_agent.policies.forager.kinds import Edit, Kind
from cwm_agent.policies.forager.propose.place import Place


def edits(place: Place) -> Iterator[Edit]:
    """Another value for each literal of the statement."""
    for node in place.expressions:
        if isinstance(node, ast.Constant):
            yield from _literal(place, node)
        elif isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
            yield from _empty(place, node)


def _literal(place: Place, node: ast.Constant) -> Iterator[Edit]:
    old = place.text(node)
    value = node.value
    if isinstance(value, bool):
        yield place.replace(Kind.CONSTANT, node, str(not value), f"{not value} instead of {value}", 1.0)
        yield place.replace(Kind.CONSTANT, node, "None", f"None instead of {value}", 0.3)
    elif value is None:
        for text, weight in (
            ("0", 0.5),
            ("False", 0.5),
            ("[]", 0.5),
            ('""', 0.5),
            ("{}", 0.4),
            ("True", 0.3),
            ("1", 0.3),
        ):
            yield place.replace(Kind.CONSTANT, node, text, f"{text} instead of None", weight)
    elif isinstance(value, int | float):
        yield from _number(place, node, value)
    elif isinstance(value, str | bytes):
        yield from _text(place, node, value)
    for name, constant in place.module.constants.items():
        same = isinstance(constant, ast.Constant) and type(constant.value) is type(value)
        if (same and not isinstance(value, str)) or (same and isinstance(value, str) and name.isupper()):
            yield place.replace(Kind.CONSTANT, node, name, f"uses `{name}` instead of {old}", 0.5)


def _number(place: Place, node: ast.Constant, value: float) -> Iterator[Edit]:
    old = place.text(node)
    index = 1.0 if isinstance(place.parent(node), ast.Subscript | ast.Slice | ast.Compare | ast.Call) else 0.85
    options: dict[str, float] = {}
    if isinstance(value, int):
        options = {str(value + 1): index, str(value - 1): index * (0.95 if value > 0 else 0.8), "0": 0.75, "1": 0.75}
        options |= {"-1": 0.5, "2": 0.35, f"-{value}": 0.5, "None": 0.25}
        if abs(value) >= 10:
            options |= {str(value * 10): 0.4, str(value // 10): 0.4, str(value * 2): 0.2}
    else:
        options = {"0.0": 0.5, "1.0": 0.6, repr(round(1 - value, 12)): 0.5, f"-{old}": 0.5}
        options |= {repr(round(value * 10, 12)): 0.4, repr(round(value / 10, 12)): 0.4, str(int(value)): 0.3}
        options |= {
            repr(round(value + 1, 12)): 0.4,
            repr(round(value * 100, 12)): 0.3,
            repr(round(value / 100, 12)): 0.3,
        }
    for kind in (int, float):
        for other in place.module.literals.get(kind, ())[:40]:
            if isinstance(other, int | float):
                options.setdefault(repr(other), 0.45 if kind is type(value) else 0.25)
    for text, weight in options.items():
        if text != old and not text.startswith("--"):
            yield place.replace(Kind.CONSTANT, node, text, f"{text} instead of {old}", weight)


def _text(place: Place, node: ast.Constant, value: str | bytes) -> Iterator[Edit]:
    old = place.text(node)
    if len(old) > 120 or "\n" in old or isinstance(place.parent(node), ast.JoinedStr):
        return
    prefix, quote = _quoting(old)
    if prefix.lower() not in ("", "b"):
        return
    seen = {value}
    for other, weight, words in _variants(value):
        if other in seen:
            continue
        seen.add(other)
        text = _quoted(other, quote)
        yield place.replace(Kind.STRING, node, text, f"{text} instead of {old}{words}", weight)
    for known in place.module.literals.get(type(value), ())[:60]:
        if isinstance(known, str | bytes) and known not in seen:
            text = _quoted(known, quote)
            weight = 0.7 if len(value) < 3 and len(known) < 3 else 0.5
            yield place.replace(Kind.STRING, node, text, f"{text} instead of {old}", weight)


def _variants(value: str | bytes) -> Iterator[tuple[str | bytes, float, str]]:
    if isinstance(value, bytes):
        yield from ((value.lower(), 0.5, ""), (value.upper(), 0.5, ""), (b"", 0.4, ""))
        return
    yield value.strip(), 0.9, " (no white space around it)"
    for other in (value.lower(), value.upper(), value.title(), value.capitalize()):
        yield other, 0.8, " (other case)"
    yield "", 0.6, ""
    if value:
        yield from ((f"{value} ", 0.5, ""), (f" {value}", 0.4, ""), (value[1:], 0.3, ""), (value[:-1], 0.4, ""))
        yield from ((f"{value}\n", 0.3, ""), (f"{value}s", 0.2, ""))
    if len(value) <= 2:
        for sign in (" ", ",", ", ", "-", "_", ".", "/", ":", "\n", "0", ";"):
            yield sign, 0.4, ""
    if "_" in value or "-" in value:
        yield from ((value.replace("_", "-"), 0.5, ""), (value.replace("-", "_"), 0.5, ""))
    if "%Y" in value or "%y" in value:
        swaps = (("%m", "%M"), ("%M", "%m"), ("%y", "%Y"), ("%Y", "%y"), ("%H", "%I"), ("%I", "%H"), ("%d", "%D"))
        yield from ((value.replace(a, b), 0.7, "") for a, b in swaps if a in value)


def _quoting(old: str) -> tuple[str, str]:
    prefix = old[: len(old) - len(old.lstrip("rRbBuUfF"))]
    return prefix, old[len(prefix) : len(prefix) + 1]


def _quoted(value: str | bytes, quote: str) -> str:
    """The literal of a value, in the quotes that the file uses there."""
    text = repr(value)
    if quote == '"' and text[-1] == "'" and '"' not in text:
        mark = text.index("'")
        text = f'{text[:mark]}"{text[mark + 1 : -1]}"'
    return text


def _empty(place: Place, node: ast.List | ast.Tuple | ast.Set | ast.Dict) -> Iterator[Edit]:
    if isinstance(node, ast.List | ast.Tuple) and not isinstance(node.ctx, ast.Load):
        return
    old = place.text(node)
    others = {
        "List": ("{}", "set()", "None", "()"),
        "Dict": ("[]", "set()", "None"),
        "Tuple": ("[]", "None"),
        "Set": ("[]",),
    }
    full = bool(node.keys if isinstance(node, ast.Dict) else node.elts)
    if not full:
        for text in others[type(node).__name__]:
            yield place.replace(Kind.CONSTANT, node, text, f"{text} instead of {old}", 0.5)
